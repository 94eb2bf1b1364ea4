import { parseRange } from '../byte-range.ts';
import { header, type S3Action } from '../exchange.ts';
import { requestedObject } from '../find-object.ts';
import {
  checkReadable,
  checksumHeaders,
  givenHeaders,
  objectHeaders,
  storedChecksums,
  versionHeader,
} from '../object-headers.ts';
import { checkRead, checkWrite } from '../preconditions.ts';
import { receiveBody } from '../receive-body.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
export const getObject: S3Action = (request, state) => {
  const object = requestedObject(state, request);
  checkReadable(request, object);
  const common = objectHeaders(state, object);
  if (checkRead(request, object) === 'not-modified') return { status: 304, headers: common };
  const range = parseRange(header(request, 'range'), object.size);
  if (!range) {
    const headers = { ...common, ...checksumHeaders(request, object), 'content-length': `${object.size}` };
    return { status: 200, headers, body: state.blobs.read(object.blobs, 0, object.size - 1) };
  }
  const headers = {
    ...common,
    'content-length': `${range.end - range.start + 1}`,
    'content-range': `bytes ${range.start}-${range.end}/${object.size}`,
  };
  return { status: 206, headers, body: state.blobs.read(object.blobs, range.start, range.end) };
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html */
export const headObject: S3Action = (request, state) => {
  const object = requestedObject(state, request);
  const headers = {
    ...objectHeaders(state, object),
    ...checksumHeaders(request, object),
    'content-length': `${object.size}`,
  };
  return { status: checkRead(request, object) === 'not-modified' ? 304 : 200, headers };
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export const putObject: S3Action = async (request, state) => {
  const { bucket, key } = request;
  state.buckets.get(bucket);
  const body = await receiveBody(request, state.blobs);
  const content = {
    etag: body.md5,
    headers: { ...givenHeaders(request), ...body.checksums },
    blobs: [{ name: body.blob, size: body.size }],
    storedBy: request.callerId,
  };
  try {
    const stored = state.put(bucket, key, content, 'ObjectCreated:Put', (current) =>
      checkWrite(request, current),
    );
    const headers = { etag: `"${stored.etag}"`, ...versionHeader(state, stored), ...storedChecksums(stored) };
    return { status: 200, headers };
  } catch (error) {
    state.blobs.remove([body.blob]);
    throw error;
  }
};
