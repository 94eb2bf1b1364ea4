import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fitResponse, fitResult } from '../../../lib/gateway/http-response.ts';

const limitBytes = 6 * 1024 * 1024;
const answerOf = (body: string) => ({ statusCode: 200, headers: { 'x-total-count': '1' }, body });
const carriedBytes = (answer: unknown) => Buffer.byteLength(JSON.stringify(answer));

/** Text that gzip cannot make smaller than about half. */
function noise(length: number): string {
  let state = 1;
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index += 1) {
    state = (state * 48_271) % 2_147_483_647;
    bytes[index] = 33 + (state % 90);
  }
  return bytes.toString('latin1');
}

describe('an answer and the 6 MB that Lambda carries', () => {
  it('is left alone while it fits', async () => {
    const answer = answerOf('x'.repeat(5 * 1024 * 1024));
    expect(await fitResponse(answer, 'gzip')).toBe(answer);
  });

  it('is compressed for a caller that takes gzip, and carries the same text', async () => {
    const body = JSON.stringify({
      result: Array.from({ length: 60_000 }, (_, i) => ({ number: `INC${i}`, note: 'x'.repeat(100) })),
    });
    const fitted = await fitResponse(answerOf(body), 'deflate, gzip;q=0.8');
    expect(fitted).toMatchObject({
      isBase64Encoded: true,
      headers: { 'content-encoding': 'gzip', vary: 'accept-encoding', 'x-total-count': '1' },
    });
    expect(gunzipSync(Buffer.from(fitted.body ?? '', 'base64')).toString()).toBe(body);
    expect(carriedBytes(fitted)).toBeLessThan(limitBytes);
  });

  it('counts quotes twice, as they are escaped on the way', async () => {
    const body = '"'.repeat(3.5 * 1024 * 1024);
    expect((await fitResponse(answerOf(body), 'gzip')).isBase64Encoded).toBe(true);
  });

  it.each([undefined, '', 'br', 'gzip;q=0', 'gzip; q=0.0', 'identity'])(
    'is refused with advice when the caller sends Accept-Encoding %s',
    async (accepted) => {
      await expect(fitResponse(answerOf('x'.repeat(limitBytes)), accepted)).rejects.toThrow(
        /Accept-Encoding: gzip.*sysparm_fields.*sysparm_limit/,
      );
    },
  );

  it('is refused when even its compressed form is too large', async () => {
    await expect(fitResponse(answerOf(noise(9 * 1024 * 1024)), 'gzip')).rejects.toThrow(
      /^The answer is 9\.0 MB.*sysparm_limit/,
    );
  });
});

describe('the result of a direct Invoke and the 6 MB that Lambda carries', () => {
  it('is the same while it fits', () => {
    const result = { result: 'x'.repeat(5 * 1024 * 1024) };
    expect(fitResult(result)).toBe(result);
  });

  it('is refused with advice beyond that, counted in bytes', () => {
    expect(() => fitResult({ result: 'ü'.repeat(4 * 1024 * 1024) })).toThrow(
      /^The answer is 8\.0 MB.*sysparm_limit/,
    );
  });
});
