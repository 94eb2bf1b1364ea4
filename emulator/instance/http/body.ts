import type { IncomingMessage } from 'node:http';
import type { Switches } from '../switches.ts';
import { Failure } from './failure.ts';

const empty = Buffer.alloc(0);

/** A body beyond this many times the limit is not even read to its end. */
const drainedTimes = 10;

/** Room for what a multipart body holds around the file. */
const multipartOverheadBytes = 65_536;

/** How long a body may be, and what a longer one is answered with. */
type BodyLimit = { readonly maxBytes: number; readonly refuse: (bytes: number) => Failure };

/** Uploads of attachments have a limit of their own. */
export function bodyLimit(pathname: string, switches: Switches): BodyLimit {
  if (/^\/api\/now\/(v\d+\/)?attachment\/(file|upload)$/.test(pathname)) {
    return {
      maxBytes: switches.attachmentMaxBytes + multipartOverheadBytes,
      refuse: (bytes) => attachmentTooLarge(bytes, switches),
    };
  }
  return restLimit(switches.maxContentLengthBytes);
}

/**
 * The whole body.
 * @throws Failure when it is longer than the limit (bytes, or as `bodyLimit` gives it) allows. It is read to its end
 *   first, since a client that is still sending would see a reset instead of the answer.
 */
export async function readBody(request: IncomingMessage, allowed: BodyLimit | number): Promise<Buffer> {
  const { maxBytes, refuse } = typeof allowed === 'number' ? restLimit(allowed) : allowed;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = chunk instanceof Buffer ? chunk : Buffer.from(String(chunk));
    bytes += buffer.length;
    if (bytes <= maxBytes) chunks.push(buffer);
    else if (bytes > maxBytes * drainedTimes) break;
  }
  if (bytes > maxBytes) throw refuse(Number(request.headers['content-length'] ?? bytes));
  return chunks.length === 0 ? empty : Buffer.concat(chunks);
}

/** A file longer than `com.glide.attachment.max_size`. */
export function attachmentTooLarge(bytes: number, switches: Switches): Failure {
  const detail = `The file has ${bytes} bytes. Max allowed: ${switches.attachmentMaxBytes} bytes.`;
  return new Failure(switches.attachmentOversizeStatus, 'Attachment is too large', detail, {
    Connection: 'close',
  });
}

/** Refuses with the recorded text for a body longer than `glide.rest.max_content_length`. */
function restLimit(maxBytes: number): BodyLimit {
  const detail = (bytes: number) =>
    `Rejected large REST payload with content-length = ${bytes} bytes. Max allowed: ${maxBytes} bytes.`;
  return {
    maxBytes,
    refuse: (bytes) =>
      new Failure(400, 'Exception while reading request', detail(bytes), { Connection: 'close' }),
  };
}
