import type { S3Action } from '../exchange.ts';
import { openUpload, partNumber } from '../open-upload.ts';
import { receiveBody } from '../receive-body.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
export const uploadPart: S3Action = async (request, state) => {
  const number = partNumber(request);
  openUpload(state, request);
  const body = await receiveBody(request, state.blobs);
  const part = { number, etag: body.md5, blob: body.blob, size: body.size };
  state.putPart(openUpload(state, request), part);
  return { status: 200, headers: { etag: `"${body.md5}"`, ...body.checksums } };
};
