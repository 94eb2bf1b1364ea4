import type { S3Action } from '../exchange.ts';
import { xmlAnswer } from '../xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html */
export const listBuckets: S3Action = (_request, state) => {
  const Bucket = state.buckets
    .list()
    .map(({ name, createdMs }) => ({ Name: name, CreationDate: new Date(createdMs).toISOString() }));
  return xmlAnswer('ListAllMyBucketsResult', { Buckets: { Bucket } });
};
