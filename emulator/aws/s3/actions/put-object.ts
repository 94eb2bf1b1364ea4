import type { S3Action } from '../exchange.ts';
import { givenHeaders, storedChecksums, versionHeader } from '../object-headers.ts';
import { checkWrite } from '../preconditions.ts';
import { receiveBody } from '../receive-body.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export const putObject: S3Action = async (request, state) => {
  const { bucket, key } = request;
  state.buckets.get(bucket);
  const body = await receiveBody(request, state.blobs);
  const content = {
    etag: body.md5,
    headers: { ...givenHeaders(request), ...body.checksums },
    blobs: [{ name: body.blob, size: body.size }],
  };
  try {
    const stored = state.put(bucket, key, content, 'ObjectCreated:Put', (current) =>
      checkWrite(request, current),
    );
    const headers = { etag: `"${stored.etag}"`, ...versionHeader(stored), ...storedChecksums(stored) };
    return { status: 200, headers };
  } catch (error) {
    state.blobs.remove([body.blob]);
    throw error;
  }
};
