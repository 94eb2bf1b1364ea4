import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pinnedObject, readContent } from '../../../../lib/file-import/read/content.ts';
import { startWorld } from '../world.ts';

const limits = { gzipGraceBytes: 10_000, maxGzipRatio: 10, maxGzipBytes: 100_000 };

/** How many bytes of a compressed file are read before it is refused, or all of it. */
async function readAll(compressed: Buffer): Promise<{ readonly bytes: number; readonly reason: string }> {
  async function* object() {
    yield compressed;
  }
  let bytes = 0;
  try {
    for await (const piece of readContent(object, { gzip: true }, 0, undefined, limits))
      bytes += piece.length;
  } catch (error) {
    return { bytes, reason: String(error) };
  }
  return { bytes, reason: '' };
}

/** Bytes that do not compress. */
const noise = (length: number) =>
  Buffer.from(Array.from({ length }, (_, i) => (Math.sin(i + 1) * 1e9) & 255));

describe('a compressed file', () => {
  it('is refused when it inflates to more than its ratio allows, before it is handed on', async () => {
    const { bytes, reason } = await readAll(gzipSync(Buffer.alloc(50_000, 'a')));
    expect(reason).toContain('inflates to more than 10 times its size');
    expect(bytes).toBe(0);
  });

  it('is refused when it inflates to more than is read of any file', async () => {
    const { reason } = await readAll(gzipSync(noise(100_001)));
    expect(reason).toContain('inflates to more than 100000 bytes');
  });

  it('may inflate to any ratio as long as it is small', async () => {
    expect(await readAll(gzipSync(Buffer.alloc(10_000, 'a')))).toEqual({ bytes: 10_000, reason: '' });
  });

  it('is called damaged when it is cut off', async () => {
    const { reason } = await readAll(gzipSync(noise(5_000)).subarray(0, 3_000));
    expect(reason).toContain('is damaged: it cannot be inflated to its end');
  });
});

describe('a file in the bucket', () => {
  async function begin() {
    const world = await startWorld({ demoData: false });
    onTestFinished(() => world.close());
    const body = noise(510_000);
    const request = await world.drop('imports/imp_load/a.csv', body);
    return { body, object: pinnedObject(world.s3, request, 100_000) };
  }

  it('is read through two pieces of memory where each is used before the next one is asked for', async () => {
    const { body, object } = await begin();
    const read: Uint8Array[] = [];
    const memory = new Set<ArrayBufferLike>();
    for await (const piece of readContent(object, { gzip: false, isPassing: true }, 300)) {
      memory.add(piece.buffer);
      read.push(Buffer.from(piece));
    }
    expect(Buffer.concat(read).equals(body.subarray(300))).toBe(true);
    expect(memory.size).toBe(2);
  });

  it('is read in pieces that can be kept, unless they are said to pass', async () => {
    const { body, object } = await begin();
    const kept: Uint8Array[] = [];
    for await (const piece of readContent(object, { gzip: false }, 0)) kept.push(piece);
    expect(Buffer.concat(kept).equals(body)).toBe(true);
  });
});
