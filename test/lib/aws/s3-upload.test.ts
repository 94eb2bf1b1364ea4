import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { headObject, readPieces } from '../../../lib/aws/s3.ts';
import { writeStream } from '../../../lib/aws/s3-upload.ts';
import { startS3 } from '../../../local/aws/s3/s3.ts';

async function emptyBucket() {
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

it.each([
  ['nothing', 0, 1_000],
  ['less than a part', 4_000, 1_000],
  ['five parts in pieces that fit none of them', 23, 1_048_583],
  ['pieces of several parts each', 2, 13_000_000],
])('stores %s with its bytes in their order', async (_, pieces, size) => {
  const { s3, at } = await emptyBucket();
  const sent = createHash('sha1');
  async function* stream() {
    for (let n = 0; n < pieces; n++) {
      const piece = Buffer.alloc(size, `${n} of many, `);
      sent.update(piece);
      yield piece;
    }
  }
  await writeStream(s3, at('large'), stream(), 'text/csv');
  const stored = createHash('sha1');
  for await (const piece of (await readPieces(s3, at('large'))) ?? []) stored.update(piece);
  expect(stored.digest('hex')).toBe(sent.digest('hex'));
  expect((await headObject(s3, at('large')))?.size).toBe(pieces * size);
});

it('leaves nothing behind when the pieces break off', async () => {
  const { s3, at } = await emptyBucket();
  async function* broken() {
    yield Buffer.alloc(12_000_000);
    throw new Error('no more');
  }
  await expect(writeStream(s3, at('broken'), broken(), 'text/csv')).rejects.toThrow('no more');
  expect(await headObject(s3, at('broken'))).toBeUndefined();
});
