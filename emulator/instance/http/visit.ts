import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { LedgerEntry } from '../control/ledger.ts';
import type { InstanceState } from '../state.ts';
import { drawSysId } from '../store/identifiers.ts';
import type { Switches } from '../switches.ts';
import type { Transaction } from './exchange.ts';
import { Failure } from './failure.ts';

/** One request on its way through the instance. */
export type Visit = {
  readonly request: IncomingMessage;
  readonly url: URL;
  /** The method, or the one that `X-http-method-override` puts in place of POST. */
  readonly method: string;
  readonly transactionId: string;
  readonly transaction: Transaction;
  readonly entry: LedgerEntry;
  /** How long the request waited for the semaphore, and for earlier requests of its session. */
  readonly waits: { semaphoreMs: number; sessionMs: number };
  /** Empty until it has been read. */
  body: Buffer;
  /** The session that its answer opens. */
  openedSessionId: string | undefined;
  /** Whether its cookies continue a session, so that the answer sets none. */
  continuesSession: boolean;
};

/** Notes a request in the ledger. `cut` resets its connection. */
export function openVisit(request: IncomingMessage, state: InstanceState, cut: () => void): Visit {
  const url = urlOf(request);
  const method = methodOf(request);
  const transactionId = drawSysId(state.random).slice(0, 12);
  const entry = state.ledger.open({
    at: new Date(state.clock.now()).toISOString(),
    method,
    path: url.pathname + url.search,
    transactionId,
    connectionId: connectionIdOf(request.socket),
  });
  return {
    request,
    url,
    method,
    transactionId,
    transaction: { cut, wait: state.control.transactionWait() },
    entry,
    waits: { semaphoreMs: 0, sessionMs: 0 },
    body: Buffer.alloc(0),
    openedSessionId: undefined,
    continuesSession: false,
  };
}

function methodOf(request: IncomingMessage): string {
  const override = request.headers['x-http-method-override'];
  return request.method === 'POST' && typeof override === 'string'
    ? override.toUpperCase()
    : (request.method ?? 'GET');
}

/** Path and query under the origin that the caller used. */
export function urlOf(request: IncomingMessage): URL {
  const scheme = 'encrypted' in request.socket ? 'https' : 'http';
  const { url = '/', headers } = request;
  // A proxy asks for an absolute URL; what is no URL at all, as with a broken Host, leads nowhere.
  const text = url.startsWith('/') ? `${scheme}://${headers.host ?? 'localhost'}${url}` : url;
  return URL.parse(text) ?? new URL(`${scheme}://localhost/`);
}

const connectionIds = new WeakMap<Socket, number>();
let lastConnectionId = 0;

/** One number per TCP connection of the process, from 1. */
function connectionIdOf(socket: Socket): number {
  const known = connectionIds.get(socket);
  if (known !== undefined) return known;
  lastConnectionId += 1;
  connectionIds.set(socket, lastConnectionId);
  return lastConnectionId;
}

const empty = Buffer.alloc(0);

/** A body beyond this many times the limit is not even read to its end. */
const drainedTimes = 10;

/** Room for what a multipart body holds around the file. */
const multipartOverheadBytes = 65_536;

/** How long a body may be, and what a longer one is answered with. */
export type BodyLimit = { readonly maxBytes: number; readonly refuse: (bytes: number) => Failure };

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
