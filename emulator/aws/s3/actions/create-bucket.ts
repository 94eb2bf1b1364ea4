import { AwsError } from '../../aws-error.ts';
import type { S3Action } from '../exchange.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html */
export const createBucket: S3Action = (request, state) => {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(request.bucket)) {
    throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.');
  }
  if (state.buckets.find(request.bucket)) {
    throw new AwsError('BucketAlreadyOwnedByYou', 'You already own this bucket.', 409);
  }
  state.buckets.ensure(request.bucket, state.clock.now());
  return { status: 200, headers: { location: `/${request.bucket}` } };
};
