import { describe, expect, it } from 'vitest';
import { headObject, writeObject } from '../../../lib/aws/s3.ts';
import { joinObjects } from '../../../lib/aws/s3-join.ts';
import { emptyBucket } from './empty-bucket.ts';
import { readObject } from './read-object.ts';

const MiB = 1 << 20;

async function joined(sizes: readonly number[]) {
  const { s3, at } = await emptyBucket();
  const sent: string[] = [];
  s3.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        sent.push((commandName ?? '').replace('Command', ''));
        return next(args);
      },
    { step: 'initialize' },
  );
  const pieces = sizes.map((size, n) => ({
    key: `pieces/${n} ä+?&.csv`,
    bytes: Buffer.alloc(size, `${n} of many, `),
  }));
  for (const { key, bytes } of pieces) await writeObject(s3, at(key), bytes, 'text/csv');
  sent.length = 0;
  const stored = pieces.map(({ key, bytes }) => ({ key, size: bytes.length }));
  const join = () => joinObjects(s3, at('joined.csv'), stored, 'text/csv');
  const read = () => readObject(s3, at('joined.csv'));
  return { s3, at, join, read, sent, whole: Buffer.concat(pieces.map(({ bytes }) => bytes)) };
}

describe('objects joined to one', () => {
  it.each([
    ['none', []],
    ['one small one', [10]],
    ['small ones that make less than a part', [MiB, 0, 2 * MiB, 1]],
    ['small ones that make several parts', [3 * MiB, 3 * MiB, 3 * MiB, 3 * MiB, 1]],
    ['large ones', [5 * MiB, 6 * MiB, 7 * MiB]],
    ['a small one before a large one that can spare its front', [10, 11 * MiB, 6 * MiB]],
    ['a small one before a large one that cannot', [10, 6 * MiB, 6 * MiB]],
    ['a small one behind large ones', [6 * MiB, 6 * MiB, 10]],
  ])('hold the bytes of %s in their order', async (_, sizes) => {
    const { join, read, whole } = await joined(sizes);
    await join();
    expect(Buffer.compare(await read(), whole)).toBe(0);
  });

  it('are copied by S3 itself where they are large enough for a part', async () => {
    const { join, sent } = await joined([6 * MiB, 7 * MiB, 10]);
    await join();
    const calls = Object.entries(Object.groupBy(sent, (name) => name)).map(([name, all]) => [
      name,
      all?.length,
    ]);
    expect(Object.fromEntries(calls)).toEqual({
      CreateMultipartUpload: 1,
      UploadPartCopy: 2,
      GetObject: 1,
      UploadPart: 1,
      CompleteMultipartUpload: 1,
    });
  });

  it('leave nothing behind when one of them is gone', async () => {
    const { s3, at, sent } = await joined([6 * MiB]);
    const pieces = [
      { key: 'pieces/0 ä+?&.csv', size: 6 * MiB },
      { key: 'pieces/gone.csv', size: 6 * MiB },
    ];
    await expect(joinObjects(s3, at('joined.csv'), pieces, 'text/csv')).rejects.toThrow('does not exist');
    expect(sent.at(-1)).toBe('AbortMultipartUpload');
    expect(await headObject(s3, at('joined.csv'))).toBeUndefined();
  });
});
