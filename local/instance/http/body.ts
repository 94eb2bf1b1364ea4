import type { IncomingMessage } from 'node:http';
import { Failure } from './failure.ts';

const empty = Buffer.alloc(0);

/** A body beyond this many times the limit is not even read to its end. */
const drainedTimes = 10;

/**
 * The whole body.
 * @throws Failure 400 with the recorded text when it is longer than `glide.rest.max_content_length`. It is read to
 *   its end first, since a client that is still sending would see a reset instead of the answer.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = chunk instanceof Buffer ? chunk : Buffer.from(String(chunk));
    bytes += buffer.length;
    if (bytes <= maxBytes) chunks.push(buffer);
    else if (bytes > maxBytes * drainedTimes) break;
  }
  if (bytes > maxBytes) throw tooLarge(Number(request.headers['content-length'] ?? bytes), maxBytes);
  return chunks.length === 0 ? empty : Buffer.concat(chunks);
}

const tooLarge = (bytes: number, maxBytes: number) =>
  new Failure(
    400,
    'Exception while reading request',
    `Rejected large REST payload with content-length = ${bytes} bytes. Max allowed: ${maxBytes} bytes.`,
  );
