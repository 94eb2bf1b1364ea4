import type { Clock } from '../../core/clock.ts';
import { DeadlineExceededError } from '../../core/errors.ts';
import type { Proof } from '../auth/authorizer.ts';
import type { ServiceNowRequest } from '../call.ts';
import { judgeBroken } from '../classify/broken.ts';
import { type Judgement, judge } from '../classify/judge.ts';
import type { Connection } from '../connection.ts';
import { BrokenExchange, type WireRequest } from '../transport/exchange.ts';
import type { Attempt } from './attempt.ts';

/** The last link: puts an attempt on the wire with the given proof and judges what comes back. */
export type SendAs = (attempt: Attempt, connection: Connection, proof: Proof) => Promise<Judgement>;

/** @param attemptTimeoutMs longest time for one attempt; the call's own deadline may cut it shorter */
export function sendTo(attemptTimeoutMs: number, clock: Clock): SendAs {
  return async ({ request, context }, connection, proof) => {
    const timeoutMs = Math.min(attemptTimeoutMs, context.deadline.remainingMs());
    if (timeoutMs <= 0)
      throw new DeadlineExceededError(`${request.method} ${request.path}: time ran out; nothing was sent`);
    try {
      const answer = await connection.transport.exchange(toWire(request, context.signal, proof, timeoutMs));
      return judge(request, answer, clock.now());
    } catch (error) {
      throw error instanceof BrokenExchange ? judgeBroken(request, error) : error;
    }
  };
}

function toWire(
  request: ServiceNowRequest,
  signal: AbortSignal | undefined,
  proof: Proof,
  timeoutMs: number,
): WireRequest {
  const { method, query } = request;
  const search = query?.toString();
  const path = search ? `${request.path}?${search}` : request.path;
  return {
    method,
    path,
    headers: headersOf(request, proof),
    body: encodeBody(request.body),
    timeoutMs,
    signal,
  };
}

/** Ours are set last: a caller can neither bring its own Authorization nor a cookie, which would join its calls into one session. */
function headersOf(request: ServiceNowRequest, proof: Proof): Record<string, string> {
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
    ...proof.headers,
  };
}

function encodeBody(body: unknown): string | Uint8Array | undefined {
  return body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body);
}
