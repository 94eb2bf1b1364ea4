import { AwsError } from '../../aws-error.ts';
import type { S3Action } from '../exchange.ts';
import { receiveBody } from '../receive-body.ts';

const MOST_PARTS = 10_000;

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
export const uploadPart: S3Action = async (request, state) => {
  const number = Number(request.query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > MOST_PARTS) {
    throw new AwsError('InvalidArgument', `Part number must be an integer between 1 and ${MOST_PARTS}.`);
  }
  const id = request.query.get('uploadId') ?? '';
  state.uploads.get(id, request.bucket, request.key);
  const body = await receiveBody(request, state.blobs);
  const upload = state.uploads.get(id, request.bucket, request.key);
  const part = { number, etag: body.md5, blob: body.blob, size: body.size };
  const before = state.uploads.putPart(upload, part);
  if (before) state.blobs.remove([before.blob]);
  return { status: 200, headers: { etag: `"${body.md5}"`, ...body.checksums } };
};
