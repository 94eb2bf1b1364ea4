import { deleteOne } from '../delete-one.ts';
import type { S3Action } from '../exchange.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html */
export const deleteObject: S3Action = (request, state) => {
  state.buckets.get(request.bucket);
  const versionId = request.query.get('versionId') ?? undefined;
  const deletion = deleteOne(state, request.bucket, request.key, versionId);
  const headers = {
    ...(deletion.marker ? { 'x-amz-delete-marker': 'true' } : {}),
    ...(deletion.versionId === undefined ? {} : { 'x-amz-version-id': deletion.versionId }),
  };
  return { status: 204, headers };
};
