import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { HttpAnswer } from './answer.ts';
import { AnswerTooLargeError } from './answer-too-large.ts';

/** A function's answer, as JSON, may hold 6 MB (Lambda quotas, "Invocation payload"); 64 KB of it are left for headers. */
const maxAnswerBytes = 6 * 1024 * 1024 - 64 * 1024;

const compress = promisify(gzip);

/**
 * An answer that Lambda can carry: unchanged when it is small enough, else compressed.
 * @param acceptEncoding the caller's header of that name
 * @throws AnswerTooLargeError when the caller takes no gzip, or when even that is too much
 */
export async function fitAnswer(answer: HttpAnswer, acceptEncoding: string | undefined): Promise<HttpAnswer> {
  const { body = '' } = answer;
  if (carriedBytes(body) <= maxAnswerBytes) return answer;
  if (!acceptsGzip(acceptEncoding))
    throw new AnswerTooLargeError(Buffer.byteLength(body), 'send Accept-Encoding: gzip, or ');
  const packed = (await compress(body)).toString('base64');
  if (packed.length > maxAnswerBytes) throw new AnswerTooLargeError(Buffer.byteLength(body), '');
  const headers = { ...answer.headers, 'content-encoding': 'gzip', vary: 'accept-encoding' };
  return { ...answer, headers, body: packed, isBase64Encoded: true };
}

/** The size of a text as a JSON string: quotes and backslashes take two bytes there. Short texts are not worth counting. */
function carriedBytes(text: string): number {
  return text.length * 3 < maxAnswerBytes ? text.length : Buffer.byteLength(JSON.stringify(text));
}

function acceptsGzip(acceptEncoding = ''): boolean {
  const codings = acceptEncoding.split(',').map((coding) => coding.trim().toLowerCase());
  return codings.some((coding) => /^(?:gzip|\*)(?:\s*;\s*q=(?!0(?:\.0*)?$).+)?$/.test(coding));
}

/**
 * The result of a direct Invoke, if Lambda can carry it; there is no compression on that way.
 * @throws AnswerTooLargeError
 */
export function fitResult<T>(result: T): T {
  const text = JSON.stringify(result);
  if (text.length * 3 < maxAnswerBytes) return result;
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxAnswerBytes) return result;
  throw new AnswerTooLargeError(bytes, '');
}
