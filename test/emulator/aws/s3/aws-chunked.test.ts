import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AwsChunkedDecoder } from '../../../../emulator/aws/s3/aws-chunked.ts';

function frame(chunks: readonly Uint8Array[], trailer: string): Buffer {
  const parts = chunks.map((chunk) =>
    Buffer.concat([
      Buffer.from(`${chunk.length.toString(16)};chunk-signature=00\r\n`),
      chunk,
      Buffer.from('\r\n'),
    ]),
  );
  return Buffer.concat([...parts, Buffer.from(`0\r\n${trailer}\r\n`)]);
}

function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [0, ...at.map((one) => one % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, n) => bytes.subarray(cuts[n], end));
}

async function decode(pieces: readonly Buffer[]) {
  const decoder = new AwsChunkedDecoder();
  const body = await buffer(Readable.from(pieces).pipe(decoder));
  return { body, trailers: decoder.trailers };
}

describe('the aws-chunked decoder', () => {
  it('gives back the bytes and the trailers, wherever the network cuts them', async () => {
    const chunk = fc.uint8Array({ minLength: 1, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { maxLength: 6 }),
        fc.array(fc.nat(500), { maxLength: 20 }),
        async (chunks, cuts) => {
          const framed = frame(chunks, 'x-amz-checksum-crc32:AAAAAA==\r\n');
          const { body, trailers } = await decode(split(framed, cuts));
          expect(Buffer.compare(body, Buffer.concat(chunks))).toBe(0);
          expect(trailers.get('x-amz-checksum-crc32')).toBe('AAAAAA==');
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    ['is cut off before its last chunk', '5\r\nhel', 'ended before its last chunk'],
    ['has no size where one is due', 'hello\r\n', 'no chunk size'],
    ['has a line without end', 'f'.repeat(20_000), 'a line has no end'],
  ])('refuses a body that %s', async (_what, framed, message) => {
    const decoder = new AwsChunkedDecoder();
    decoder.end(framed);
    await expect(buffer(decoder)).rejects.toThrow(message);
  });
});
