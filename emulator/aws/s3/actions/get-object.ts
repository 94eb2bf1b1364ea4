import { parseRange } from '../byte-range.ts';
import { header, type S3Action } from '../exchange.ts';
import { requestedObject } from '../find-object.ts';
import { checksumHeaders, objectHeaders } from '../object-headers.ts';
import { checkRead } from '../preconditions.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
export const getObject: S3Action = (request, state) => {
  const object = requestedObject(state, request);
  const common = objectHeaders(object);
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
