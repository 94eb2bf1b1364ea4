import type { IncomingMessage } from 'node:http';
import { Failure } from './failure.ts';

const empty = Buffer.alloc(0);

/**
 * The whole body.
 * @throws Failure 400 with the recorded text when it is longer than `glide.rest.max_content_length`.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) throw tooLarge(announced, maxBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = chunk instanceof Buffer ? chunk : Buffer.from(String(chunk));
    bytes += buffer.length;
    if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
    chunks.push(buffer);
  }
  return chunks.length === 0 ? empty : Buffer.concat(chunks);
}

const tooLarge = (bytes: number, maxBytes: number) =>
  new Failure(
    400,
    'Exception while reading request',
    `Rejected large REST payload with content-length = ${bytes} bytes. Max allowed: ${maxBytes} bytes.`,
    { Connection: 'close' },
  );
