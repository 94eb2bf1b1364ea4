import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Fixture, startS3Fixture } from './local-s3.ts';

const PART_BYTES = 5 * 1024 * 1024;
let fixture: S3Fixture;
beforeAll(async () => {
  fixture = await startS3Fixture();
});
afterAll(() => fixture.close());

const start = async (Key: string) =>
  (await fixture.client.send(new CreateMultipartUploadCommand({ Bucket: 'plain', Key }))).UploadId ?? '';

async function uploadParts(Key: string, UploadId: string, bodies: Buffer[]) {
  const parts = [];
  for (const [index, Body] of bodies.entries()) {
    const part = { Bucket: 'plain', Key, UploadId, PartNumber: index + 1, Body };
    const { ETag } = await fixture.client.send(new UploadPartCommand(part));
    parts.push({ PartNumber: index + 1, ETag });
  }
  return parts;
}

const complete = (Key: string, UploadId: string, Parts: { PartNumber: number; ETag: string | undefined }[]) =>
  fixture.client.send(
    new CompleteMultipartUploadCommand({ Bucket: 'plain', Key, UploadId, MultipartUpload: { Parts } }),
  );

describe('a multipart upload', () => {
  it('becomes one object with a tag of the parts, and is read across their seams', async () => {
    const bytes = randomBytes(PART_BYTES + 10);
    const bodies = [bytes.subarray(0, PART_BYTES), bytes.subarray(PART_BYTES)];
    const id = await start('big');
    const { ETag } = await complete('big', id, await uploadParts('big', id, bodies));
    const md5 = (data: Buffer) => createHash('md5').update(data).digest();
    expect(ETag).toBe(`"${md5(Buffer.concat(bodies.map(md5))).toString('hex')}-2"`);

    const where = { Bucket: 'plain', Key: 'big' };
    const whole = await fixture.client.send(new GetObjectCommand(where));
    expect(Buffer.compare(Buffer.from((await whole.Body?.transformToByteArray()) ?? []), bytes)).toBe(0);
    const Range = `bytes=${PART_BYTES - 2}-${PART_BYTES + 1}`;
    const seam = await fixture.client.send(new GetObjectCommand({ ...where, Range }));
    expect(Buffer.from((await seam.Body?.transformToByteArray()) ?? [])).toEqual(
      bytes.subarray(PART_BYTES - 2, PART_BYTES + 2),
    );
  });

  it('is refused with parts that are too small, out of order, or not the ones that came', async () => {
    const id = await start('refused');
    const [one, two] = await uploadParts('refused', id, [Buffer.from('a'), Buffer.from('b')]);
    if (!one || !two) throw new Error('two parts were uploaded');
    await expect(complete('refused', id, [one, two])).rejects.toMatchObject({ name: 'EntityTooSmall' });
    await expect(complete('refused', id, [two, one])).rejects.toMatchObject({ name: 'InvalidPartOrder' });
    const wrongTag = [{ PartNumber: 1, ETag: two.ETag }];
    await expect(complete('refused', id, wrongTag)).rejects.toMatchObject({ name: 'InvalidPart' });
  });

  it('takes parts from objects that are there, whole or a range of them', async () => {
    const put = (Key: string, Body: Buffer) =>
      fixture.client.send(new PutObjectCommand({ Bucket: 'plain', Key, Body }));
    const [first, second] = [randomBytes(PART_BYTES + 3), randomBytes(PART_BYTES + 9)];
    const { ETag: tag } = await put('source one', first);
    await put('source-two', second);
    const UploadId = await start('joined');
    const copy = (PartNumber: number, CopySource: string, CopySourceRange?: string) =>
      fixture.client.send(
        new UploadPartCopyCommand({
          Bucket: 'plain',
          Key: 'joined',
          UploadId,
          PartNumber,
          CopySource,
          CopySourceRange,
        }),
      );
    const whole = await copy(1, 'plain/source%20one');
    expect(whole.CopyPartResult?.ETag).toBe(tag);
    const range = await copy(2, 'plain/source-two', `bytes=4-${second.length - 1}`);
    await fixture.client.send(new DeleteObjectCommand({ Bucket: 'plain', Key: 'source one' }));
    await complete('joined', UploadId, [
      { PartNumber: 1, ETag: whole.CopyPartResult?.ETag },
      { PartNumber: 2, ETag: range.CopyPartResult?.ETag },
    ]);

    const { Body } = await fixture.client.send(new GetObjectCommand({ Bucket: 'plain', Key: 'joined' }));
    const stored = Buffer.from((await Body?.transformToByteArray()) ?? []);
    expect(Buffer.compare(stored, Buffer.concat([first, second.subarray(4)]))).toBe(0);
  });

  it('takes no part from an object that is not there, nor beyond its end', async () => {
    await fixture.client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'short', Body: 'abc' }));
    const UploadId = await start('no-part');
    const copy = (CopySource: string, CopySourceRange?: string) =>
      fixture.client.send(
        new UploadPartCopyCommand({
          Bucket: 'plain',
          Key: 'no-part',
          UploadId,
          PartNumber: 1,
          CopySource,
          CopySourceRange,
        }),
      );
    await expect(copy('plain/nowhere')).rejects.toMatchObject({ name: 'NoSuchKey' });
    for (const range of ['bytes=0-3', 'bytes=2-1', 'bytes=1-'])
      await expect(copy('plain/short', range)).rejects.toMatchObject({ name: 'InvalidArgument' });
  });

  it('leaves nothing behind when it is given up', async () => {
    const before = readdirSync(join(fixture.folder, 'blobs')).length;
    const id = await start('given-up');
    await uploadParts('given-up', id, [Buffer.from('bytes')]);
    const upload = { Bucket: 'plain', Key: 'given-up', UploadId: id };
    await fixture.client.send(new AbortMultipartUploadCommand(upload));
    expect(readdirSync(join(fixture.folder, 'blobs'))).toHaveLength(before);
    const parts = [{ ETag: '"x"', PartNumber: 1 }];
    await expect(complete('given-up', id, parts)).rejects.toMatchObject({ name: 'NoSuchUpload' });
  });
});
