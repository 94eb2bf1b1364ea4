import type { S3Action } from '../exchange.ts';
import { requestedObject } from '../find-object.ts';
import { checksumHeaders, objectHeaders } from '../object-headers.ts';
import { checkRead } from '../preconditions.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html */
export const headObject: S3Action = (request, state) => {
  const object = requestedObject(state, request);
  const headers = {
    ...objectHeaders(object),
    ...checksumHeaders(request, object),
    'content-length': `${object.size}`,
  };
  return { status: checkRead(request, object) === 'not-modified' ? 304 : 200, headers };
};
