import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { headObject } from '../../../lib/aws/s3.ts';
import { writeStream } from '../../../lib/aws/s3-upload.ts';
import { emptyBucket } from './empty-bucket.ts';
import { readObject } from './read-object.ts';

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
  const stored = createHash('sha1').update(await readObject(s3, at('large')));
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

it('aborts an upload only once none of its parts is on its way any more', async () => {
  const { s3, at } = await emptyBucket();
  const ended: string[] = [];
  s3.middlewareStack.add(
    (next, { commandName }) =>
      async (call) => {
        if (commandName === 'AbortMultipartUploadCommand') ended.push('abort');
        const answer = await next(call);
        if (commandName === 'UploadPartCommand') ended.push('part');
        return answer;
      },
    { step: 'initialize' },
  );
  async function* broken() {
    yield Buffer.alloc(12_000_000);
    throw new Error('no more');
  }
  await expect(writeStream(s3, at('broken'), broken(), 'text/csv')).rejects.toThrow('no more');
  expect(ended).toEqual(['part', 'part', 'abort']);
});
