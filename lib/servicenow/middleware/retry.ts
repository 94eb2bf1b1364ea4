import type { Clock } from '../../core/clock.ts';
import { CallAbandonedError, ConnectorError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import { type BackOff, fullJitterMs } from '../../core/retry-timing.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../call.ts';
import type { Accepted } from '../classify/answer.ts';
import { isRead } from '../classify/failure.ts';
import { ThrottledError, TransactionCancelledError } from '../errors.ts';
import { ServiceNowError } from '../service-now-error.ts';
import { TransportError } from '../transport/exchange.ts';
import type { Attempt, Link } from './send.ts';

export type RetryOptions = {
  /** How many times a call is sent at most. */
  readonly maxAttempts: number;
  readonly backOff: BackOff;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** An answer, how many times the call was sent for it, and whether an earlier copy may have taken effect. */
export type Retried = Accepted & Pick<ServiceNowResponse, 'attempts' | 'isRepeat'>;

/** A longer wait is left to the caller: the message goes back to its queue, the HTTP caller gets `Retry-After`. */
export const longestWaitMs = 60_000;

/**
 * Sends a call again when that is safe, may help, and fits before the deadline. Once a copy of the call may have taken effect,
 * every error of the call says so.
 */
export function retry(next: Link, options: RetryOptions): (attempt: Attempt) => Promise<Retried> {
  return async (attempt) => {
    let immediate = true;
    let known: ServiceNowError | undefined;
    for (let attempts = 1; ; attempts += 1) {
      try {
        const answer = await next(attempt);
        return { ...answer, attempts, ...(known?.effect === 'unknown' && { isRepeat: true }) };
      } catch (error) {
        if (!(error instanceof ServiceNowError))
          throw known?.effect === 'unknown' ? known : unsent(error, attempt);
        known = withDoubtOf(known, error);
        known.attempts = attempts;
        if (error instanceof ThrottledError && error.sent) options.metrics.add('Throttles');
        const waitMs = immediate && isStaleSocket(error) ? 0 : waitBefore(error, attempts, options);
        if (isStaleSocket(error)) immediate = false;
        if (!mayRepeat(error, attempt, attempts, waitMs, options)) throw known;
        report(error, attempt, attempts, waitMs, options);
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

/** What ended the call before anything of it was sent: an error of our family, also when it was the caller's signal. */
function unsent(error: unknown, { request, context }: Attempt): unknown {
  if (error instanceof ConnectorError || !context.signal?.aborted) return error;
  const message = `${request.method} ${request.path}: the caller aborted the call while it was waiting`;
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
 * `Retry-After` is waited for once, instead of our own back-off. All other calls wait for it in the limiter; here only
 * jitter is added, so that they do not all start in the same moment.
 */
function waitBefore(error: ServiceNowError, attempts: number, { backOff, random }: RetryOptions): number {
  if (error.retryAfterMs === undefined) return fullJitterMs(attempts, backOff, random);
  return error.retryAfterMs + Math.floor(random() * backOff.baseMs);
}

/** The server closed an idle socket, so that waiting would not help. */
function isStaleSocket(error: ServiceNowError): boolean {
  return error.cause instanceof TransportError && error.cause.staleSocket;
}

function report(
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
