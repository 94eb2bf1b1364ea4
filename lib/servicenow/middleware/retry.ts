import type { Clock } from '../../core/clock.ts';
import { CallAbandonedError, ConnectorError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import { type BackOff, fullJitterMs } from '../../core/retry-timing.ts';
import { isRead } from '../classify/call.ts';
import type { Judgement } from '../classify/judge.ts';
import { ServiceNowError, ThrottledError, TransactionCancelledError } from '../errors.ts';
import type { ServiceNowRequest } from '../request.ts';
import { BrokenExchange } from '../transport/exchange.ts';
import type { Attempt, Link } from './attempt.ts';

export type RetryOptions = {
  /** How often a call is sent at most. */
  readonly maxAttempts: number;
  readonly backOff: BackOff;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** An answer, and how many times the call was sent for it. */
export type Retried = Judgement & { readonly attempts: number };

/** A longer wait is for the caller to decide: the message goes back to its queue, the HTTP caller is told. */
export const longestWaitMs = 60_000;

/**
 * The first link: sends a call again when that is safe, may help, and fits before the deadline. A call is never said to be
 * "not done" when one of its copies may have been carried out: then that copy's error is the call's.
 */
export function retry(next: Link, options: RetryOptions): (attempt: Attempt) => Promise<Retried> {
  return async (attempt) => {
    let immediate = true;
    let known: ServiceNowError | undefined;
    for (let attempts = 1; ; attempts += 1) {
      try {
        return { ...(await next(attempt)), attempts };
      } catch (error) {
        if (!(error instanceof ServiceNowError))
          throw known?.effect === 'unknown' ? known : unsent(error, attempt);
        if (known?.effect !== 'unknown' || error.effect === 'unknown' || !error.isInconclusive) known = error;
        known.attempts = attempts;
        if (error instanceof ThrottledError && error.sent) options.metrics.add('Throttles');
        const waitMs = immediate && isStaleSocket(error) ? 0 : waitBefore(error, attempts, options);
        if (isStaleSocket(error)) immediate = false;
        if (!mayRepeat(error, attempt, attempts, waitMs, options)) throw known;
        tell(error, attempt, attempts, waitMs, options);
        await options.clock.sleep(waitMs, attempt.context.signal).catch(() => {
          throw known;
        });
      }
    }
  };
}

/** What ended the call before anything of it left: an error of our family, also when it was the caller's signal. */
function unsent(error: unknown, { request, context }: Attempt): unknown {
  if (error instanceof ConnectorError || !context.signal?.aborted) return error;
  const message = `${request.method} ${request.path}: the caller gave up while the call was waiting`;
  return new CallAbandonedError(message, { cause: error });
}

function mayRepeat(
  error: ServiceNowError,
  attempt: Attempt,
  attempts: number,
  waitMs: number,
  options: RetryOptions,
): boolean {
  const { request, context } = attempt;
  if (attempts >= options.maxAttempts || waitMs > longestWaitMs || context.signal?.aborted) return false;
  return isSafe(error, request) && !context.deadline.passed(waitMs + 1);
}

/** Nothing sent: any call. Otherwise only one whose second copy changes nothing or is refused. */
function isSafe(error: ServiceNowError, request: ServiceNowRequest): boolean {
  if (!error.sent) return error.retryable;
  return request.repeatable !== 'never' && mayPass(error, request);
}

/** A read that takes the instance too long will do so again: it has to ask for less. A write that was cancelled may just have met others. */
function mayPass(error: ServiceNowError, request: ServiceNowRequest): boolean {
  if (error instanceof TransactionCancelledError) return !isRead(request.method);
  return error.retryable;
}

/**
 * `Retry-After` is waited for once, in place of our own back-off. The limiter makes everyone wait for it, so that a call
 * that is told to wait goes to stand there with the others; here only jitter is added, lest all start in the same moment.
 */
function waitBefore(error: ServiceNowError, attempts: number, { backOff, random }: RetryOptions): number {
  if (error.retryAfterMs === undefined) return fullJitterMs(attempts, backOff, random);
  return error.retryAfterMs + Math.floor(random() * backOff.baseMs);
}

/** A socket that the server closed while it was idle: nothing was processed on it, so the next one is tried at once. */
function isStaleSocket(error: ServiceNowError): boolean {
  return error.cause instanceof BrokenExchange && error.cause.staleSocket;
}

function tell(
  error: ServiceNowError,
  attempt: Attempt,
  attempts: number,
  waitMs: number,
  options: RetryOptions,
): void {
  const { context, request } = attempt;
  options.metrics.add('Retries');
  options.log.warn('retrying', {
    correlationId: context.correlationId,
    method: request.method,
    path: request.path,
    code: error.code,
    status: error.status,
    attempts,
    waitMs,
  });
}
