import type { S3Action } from '../exchange.ts';
import { openUpload } from '../open-upload.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html */
export const abortMultipartUpload: S3Action = (request, state) => {
  const upload = openUpload(state, request);
  const blobs = state.uploads.parts(upload).map(({ blob }) => blob);
  state.change(() => state.uploads.remove(upload));
  state.blobs.remove(blobs);
  return { status: 204 };
};
