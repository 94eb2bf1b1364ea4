import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';

const inThreadPool = promisify(gunzip);
/** Below this the thread pool costs more than the work. */
const smallBytes = 32 * 1024;

/**
 * Undoes `Content-Encoding: gzip`, the only one we ask for.
 * @throws Error when the data is damaged, cut off, or grows past `maxBytes`
 */
export async function decodeBody(
  body: Uint8Array,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  if (!encoding || encoding.toLowerCase() === 'identity' || body.byteLength === 0) return body;
  if (!/^x?-?gzip$/i.test(encoding)) throw new Error(`content encoding ${encoding} was not asked for`);
  const options = { maxOutputLength: maxBytes };
  return body.byteLength < smallBytes ? gunzipSync(body, options) : inThreadPool(body, options);
}
