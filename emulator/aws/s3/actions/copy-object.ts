import { copiedObject } from '../copied-object.ts';
import { header, type S3Action, type S3Request } from '../exchange.ts';
import { givenHeaders, storedChecksums, versionHeader } from '../object-headers.ts';
import type { StoredObject } from '../object-table.ts';
import { checkWrite } from '../preconditions.ts';
import type { Content, S3State } from '../state.ts';
import { xmlAnswer } from '../xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
export const copyObject: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const source = copiedObject(state, request);
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

function copiedHeaders(request: S3Request, source: StoredObject): Record<string, string> {
  if (header(request, 'x-amz-metadata-directive') !== 'REPLACE') return source.headers;
  return { ...givenHeaders(request), ...storedChecksums(source) };
}
