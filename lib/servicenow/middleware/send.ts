import type { Clock } from '../../core/clock.ts';
import { DeadlineExceededError } from '../../core/errors.ts';
import type { AuthHeaders } from '../auth/token.ts';
import type { CallContext, ServiceNowRequest } from '../call.ts';
import { type Accepted, classifyAnswer } from '../classify/answer.ts';
import { classifyTransportError } from '../classify/failure.ts';
import type { Connection } from '../connection.ts';
import { TransportError, type WireRequest } from '../transport/exchange.ts';

/** One attempt at a call, on its way down the chain. */
export type Attempt = {
  readonly request: ServiceNowRequest;
  readonly context: CallContext;
};

/**
 * A link of the chain: takes an attempt, returns an accepted answer or throws a ServiceNowError.
 * The chain is log → retry → throttle → authenticate → send: a retry that waits holds no place in the limiter, and each new
 * attempt carries credentials that are valid then.
 */
export type Link = (attempt: Attempt) => Promise<Accepted>;

/** The last link: puts an attempt on the wire with the given headers and classifies what comes back. */
export type Send = (attempt: Attempt, connection: Connection, auth: AuthHeaders) => Promise<Accepted>;

/** @param attemptTimeoutMs longest time for one attempt; the call's own deadline may be earlier */
export function createSend(attemptTimeoutMs: number, clock: Clock): Send {
  return async ({ request, context }, connection, auth) => {
    const timeoutMs = Math.min(attemptTimeoutMs, context.deadline.remainingMs());
    if (timeoutMs <= 0)
      throw new DeadlineExceededError(`${request.method} ${request.path}: time ran out; nothing was sent`);
    try {
      const answer = await connection.transport.exchange(toWire(request, context.signal, auth, timeoutMs));
      return classifyAnswer(request, answer, clock.now());
    } catch (error) {
      throw error instanceof TransportError ? classifyTransportError(request, error) : error;
    }
  };
}

function toWire(
  request: ServiceNowRequest,
  signal: AbortSignal | undefined,
  auth: AuthHeaders,
  timeoutMs: number,
): WireRequest {
  const { method, query } = request;
  const search = query?.toString();
  const path = search ? `${request.path}?${search}` : request.path;
  const headers = headersOf(request, auth);
  return { method, path, headers, body: encodeBody(request.body), timeoutMs, signal };
}

/** Ours are set last: a caller can bring neither an Authorization of its own nor a cookie, which would join its calls into one session. */
function headersOf(request: ServiceNowRequest, auth: AuthHeaders): Record<string, string> {
  const {
    authorization: _1,
    cookie: _2,
    'x-sn-apikey': _3,
    'x-usertoken': _4,
    ...headers
  } = request.headers ?? {};
  return {
    accept: request.expects === 'bytes' ? '*/*' : 'application/json',
    ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
    'accept-encoding': 'gzip',
    ...auth,
  };
}

function encodeBody(body: unknown): string | Uint8Array | undefined {
  return body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body);
}
