import { AwsError } from '../../aws-error.ts';
import { type ByteRange, parseCopyRange } from '../byte-range.ts';
import { header, type S3Action, type S3Request } from '../exchange.ts';
import { findObject } from '../find-object.ts';
import {
  checkReadable,
  givenHeaders,
  headersToCopy,
  storedChecksums,
  versionHeader,
} from '../object-headers.ts';
import type { StoredObject } from '../object-table.ts';
import { checkWrite } from '../preconditions.ts';
import { storeBytes } from '../receive-body.ts';
import { copiedTags, parseCopySource } from '../rights.ts';
import type { Content, S3State } from '../state.ts';
import type { Part } from '../upload-table.ts';
import { xmlAnswer } from '../xml.ts';
import { openUpload, partNumber } from './multipart-upload.ts';
import { taggingHeader } from './tagging.ts';

/**
 * What `x-amz-copy-source` names.
 * @throws {AwsError} InvalidArgument, NoSuchBucket, NoSuchKey, NoSuchVersion
 */
function copiedObject(state: S3State, request: S3Request): StoredObject {
  const { bucket, key, versionId } = parseCopySource(header(request, 'x-amz-copy-source') ?? '');
  if (key === '') throw new AwsError('InvalidArgument', 'x-amz-copy-source must be bucket/key.');
  const source = findObject(state, bucket, key, versionId);
  checkReadable(request, source);
  return source;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
export const copyObject: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const source = copiedObject(state, request);
  if (copiesTags(request) && taggingHeader in source.headers) request.permit(...copiedTags(request));
  const blobs = await state.blobs.copy(source.blobs);
  const { callerId: storedBy } = request;
  const content = { etag: source.etag, headers: copiedHeaders(request, source), blobs, storedBy };
  const stored = putOrDrop(state, request, content);
  const result = { ETag: `"${stored.etag}"`, LastModified: new Date(stored.modifiedMs).toISOString() };
  const answer = xmlAnswer('CopyObjectResult', result);
  return { ...answer, headers: { ...answer.headers, ...versionHeader(state, stored) } };
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
  const { [taggingHeader]: tagging, ...headers } = headersToCopy(source);
  const kept = tagging !== undefined && copiesTags(request) ? { [taggingHeader]: tagging } : {};
  if (header(request, 'x-amz-metadata-directive') !== 'REPLACE') return { ...headers, ...kept };
  return { ...givenHeaders(request), ...storedChecksums(source), ...kept };
}

const copiesTags = (request: S3Request) => header(request, 'x-amz-tagging-directive') !== 'REPLACE';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html */
export const uploadPartCopy: S3Action = async (request, state) => {
  const number = partNumber(request);
  openUpload(state, request);
  const source = copiedObject(state, request);
  const range = parseCopyRange(header(request, 'x-amz-copy-source-range'), source.size);
  const part = { number, ...(await copyBytes(state, source, range)) };
  state.putPart(openUpload(state, request), part);
  const result = { ETag: `"${part.etag}"`, LastModified: new Date(state.clock.now()).toISOString() };
  return xmlAnswer('CopyPartResult', result);
};

/** A whole object of one piece is copied as it is, including its ETag; anything else is written again. */
async function copyBytes(
  state: S3State,
  source: StoredObject,
  range: ByteRange,
): Promise<Omit<Part, 'number'>> {
  const isWhole = range.start === 0 && range.end === source.size - 1;
  if (isWhole && source.blobs.length === 1 && !source.etag.includes('-')) {
    const [blob] = await state.blobs.copy(source.blobs);
    if (blob) return { etag: source.etag, blob: blob.name, size: blob.size };
  }
  const { blob, md5, size } = await storeBytes(
    state.blobs,
    state.blobs.read(source.blobs, range.start, range.end),
  );
  return { etag: md5, blob, size };
}
