import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readContent } from '../../../../lib/file-import/read/content.ts';

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
