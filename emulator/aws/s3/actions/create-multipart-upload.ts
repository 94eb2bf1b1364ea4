import type { S3Action } from '../exchange.ts';
import { givenHeaders } from '../object-headers.ts';
import { xmlAnswer } from '../xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html */
export const createMultipartUpload: S3Action = (request, state) => {
  const { bucket, key } = request;
  state.buckets.get(bucket);
  const UploadId = state.uploads.create(bucket, key, givenHeaders(request));
  return xmlAnswer('InitiateMultipartUploadResult', { Bucket: bucket, Key: key, UploadId });
};
