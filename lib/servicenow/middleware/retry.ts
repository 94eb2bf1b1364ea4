import type { Clock } from '../../core/clock.ts';
import { CallAbandonedError, ConnectorError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import { type BackOff, fullJitterMs } from '../../core/retry-timing.ts';
import type { ServiceNowRequest } from '../call.ts';
import { isRead } from '../classify/call.ts';
import type { Judgement } from '../classify/judge.ts';
import { ServiceNowError, ThrottledError, TransactionCancelledError } from '../errors.ts';
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
        known = withDoubtOf(known, error);
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

/** The error to report: a refusal stays one, but an earlier copy may have taken effect all the same, or even caused it. */
function withDoubtOf(known: ServiceNowError | undefined, error: ServiceNowError): ServiceNowError {
  if (known?.effect !== 'unknown' || error.effect === 'unknown') return error;
  if (!error.isRefusal) return known;
  error.effect = 'unknown';
  return error;
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

/**
 * Any call of which nothing was sent, or that was throttled, which happens before any work. After a lost answer only a read
 * or a create whose second copy is refused: of any other write the first copy may still be running on the instance, so that
 * a second one could write twice or undo what was written since.
 */
function isSafe(error: ServiceNowError, request: ServiceNowRequest): boolean {
  // A read that takes the instance too long will do so again: it has to ask for less.
  if (error instanceof TransactionCancelledError && isRead(request)) return false;
  if (!error.retryable) return false;
  return !error.sent || request.repeatable !== 'never' || error instanceof ThrottledError;
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
