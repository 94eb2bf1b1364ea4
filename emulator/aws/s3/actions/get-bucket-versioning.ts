import type { S3Action } from '../exchange.ts';
import { xmlAnswer } from '../xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html */
export const getBucketVersioning: S3Action = (request, state) => {
  const { versioning } = state.buckets.get(request.bucket);
  return xmlAnswer('VersioningConfiguration', versioning === '' ? {} : { Status: versioning });
};
