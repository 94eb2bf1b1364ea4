import type { IncomingMessage } from 'node:http';
import type { LedgerEntry } from '../control/ledger.ts';

/** One request on its way through the instance. */
export type Visit = {
  readonly request: IncomingMessage;
  readonly url: URL;
  /** The method, or the one that `X-http-method-override` puts in place of POST. */
  readonly method: string;
  readonly transactionId: string;
  readonly entry: LedgerEntry;
  /** How long the request waited for the semaphore, and for earlier requests of its session. */
  readonly waits: { semaphoreMs: number; sessionMs: number };
  /** The session that its answer opens. */
  openedSessionId: string | undefined;
  /** Whether its cookies continue a session, so that the answer sets none. */
  continuesSession: boolean;
};

/** @see Visit.method */
export function methodOf(request: IncomingMessage): string {
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
