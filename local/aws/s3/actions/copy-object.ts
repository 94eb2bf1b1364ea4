import { AwsError } from '../../aws-error.ts';
import { header, type S3Action, type S3Request } from '../exchange.ts';
import { findObject } from '../find-object.ts';
import { givenHeaders, storedChecksums, versionHeader } from '../object-headers.ts';
import type { StoredObject } from '../object-table.ts';
import { checkWrite } from '../preconditions.ts';
import type { Content, S3State } from '../state.ts';
import { xmlAnswer } from '../xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
export const copyObject: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const from = parseSource(header(request, 'x-amz-copy-source') ?? '');
  const source = findObject(state, from.bucket, from.key, from.versionId);
  const blobs = await state.blobs.copy(source.blobs);
  const content = { etag: source.etag, headers: copiedHeaders(request, source), blobs };
  const stored = putOrDrop(state, request, content);
  const result = { ETag: `"${stored.etag}"`, LastModified: new Date(stored.modifiedMs).toISOString() };
  const answer = xmlAnswer('CopyObjectResult', result);
  return { ...answer, headers: { ...answer.headers, ...versionHeader(stored) } };
};

function putOrDrop(state: S3State, request: S3Request, content: Content): StoredObject {
  try {
    return state.put(request.bucket, request.key, content, 'ObjectCreated:Copy', (current) =>
      checkWrite(request, current),
    );
  } catch (error) {
    state.blobs.remove(content.blobs.map(({ name }) => name));
    throw error;
  }
}

function parseSource(value: string): { bucket: string; key: string; versionId: string | null } {
  const [path = '', query] = value.replace(/^\//, '').split('?');
  const slash = path.indexOf('/');
  if (slash < 1) throw new AwsError('InvalidArgument', 'x-amz-copy-source must be bucket/key.');
  const versionId = new URLSearchParams(query).get('versionId');
  return { bucket: path.slice(0, slash), key: decodeURIComponent(path.slice(slash + 1)), versionId };
}

function copiedHeaders(request: S3Request, source: StoredObject): Record<string, string> {
  if (header(request, 'x-amz-metadata-directive') !== 'REPLACE') return source.headers;
  return { ...givenHeaders(request), ...storedChecksums(source) };
}
