import { REGION } from '../../account.ts';
import type { S3Action } from '../exchange.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html */
export const headBucket: S3Action = (request, state) => {
  state.buckets.get(request.bucket);
  return { status: 200, headers: { 'x-amz-bucket-region': REGION } };
};
