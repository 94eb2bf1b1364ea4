import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Transaction } from '../http/exchange.ts';
import type { LedgerEntry } from '../ledger.ts';
import type { InstanceState } from '../state.ts';
import { drawSysId } from '../sys-ids.ts';

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
