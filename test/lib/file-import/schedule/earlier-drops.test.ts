import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { startS3 } from '../../../../emulator/aws/s3/s3.ts';
import { earlierDrops } from '../../../../lib/file-import/schedule/event-dedup.ts';
import { s3Client } from '../../../emulator/aws/s3/local-s3.ts';
import { HandClock } from '../../../emulator/aws/sqs/local-sqs.ts';
import { importRequest } from '../import-request.ts';

const Bucket = 'drops';

async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'earlier-drops-'));
  const clock = new HandClock();
  const s3 = await startS3({ folder, clock, deliver: () => undefined });
  const client = s3Client(s3.url);
  onTestFinished(async () => {
    client.destroy();
    await s3.close();
    rmSync(folder, { recursive: true });
  });
  await client.send(new CreateBucketCommand({ Bucket }));
  return { clock, client };
}

it('finds an object whose upload in parts began long before, although S3 dates it by its beginning', async () => {
  const { clock, client } = await start();
  const where = { Bucket, Key: 'imports/t/large.csv' };
  const old = { Bucket, Key: 'imports/t/old.csv', Body: 'u_code\na' };
  await client.send(new PutObjectCommand(old));
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(where));
  clock.advance(2 * 3_600_000);
  const part = { ...where, UploadId, PartNumber: 1 };
  const { ETag } = await client.send(new UploadPartCommand({ ...part, Body: 'u_code\nb' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await client.send(new CompleteMultipartUploadCommand({ ...where, UploadId, MultipartUpload }));
  const droppedAt = new Date(clock.now() + 1_000).toISOString();
  const later = importRequest({ bucket: Bucket, key: 'imports/t/small.csv', droppedAt });
  const earlier = await earlierDrops(client, later, clock.now() - 900_000);
  expect(earlier.map(({ key }) => key)).toEqual(['imports/t/large.csv']);
});

it('finds drops of the same table in folders that are written in another case, and of no other table', async () => {
  const { clock, client } = await start();
  const keys = ['imports/Imp_Load/a.csv', 'imports/IMP_LOAD/b.csv', 'imports/imp_load/c.csv'];
  for (const Key of [...keys, 'imports/imp_load_2/x.csv', 'imports/imp/y.csv'])
    await client.send(new PutObjectCommand({ Bucket, Key, Body: 'u_code\na' }));
  const droppedAt = new Date(clock.now() + 1_000).toISOString();
  for (const key of ['imports/imp_load/later.csv', 'imports/iMP_load/later.csv']) {
    const earlier = await earlierDrops(client, importRequest({ bucket: Bucket, key, droppedAt }), 0);
    expect(earlier.map((object) => object.key).sort()).toEqual([...keys].sort());
  }
});
