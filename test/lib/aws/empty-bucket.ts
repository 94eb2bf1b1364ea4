import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { onTestFinished } from 'vitest';
import { startS3 } from '../../../emulator/aws/s3/s3.ts';

/** A bucket `uploads` with nothing in it, for the time of one test. */
export async function emptyBucket() {
  const folder = await mkdtemp(join(tmpdir(), 's3-upload-'));
  const storage = await startS3({ folder });
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const s3 = new S3Client({
    region: 'us-east-1',
    endpoint: storage.url,
    credentials,
    forcePathStyle: true,
  });
  onTestFinished(async () => {
    s3.destroy();
    await storage.close();
    await rm(folder, { recursive: true, force: true });
  });
  await s3.send(new CreateBucketCommand({ Bucket: 'uploads' }));
  return { s3, at: (key: string) => ({ bucket: 'uploads', key }) };
}
