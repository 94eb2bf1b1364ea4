import type { Limiter } from '../../core/limiter.ts';
import type { Judgement } from '../classify/judge.ts';
import { InstanceUnavailableError, ServiceNowError, ThrottledError } from '../errors.ts';
import type { Attempt, Link } from './attempt.ts';
import type { HourlyBudget } from './hourly-budget.ts';
import { createQueueWatch } from './queue-watch.ts';
import { longestWaitMs } from './retry.ts';

/**
 * Keeps the process within what the instance can take: places in flight that grow and shrink with its answers, the
 * hourly rate limit spread over the hour, and `Retry-After` obeyed by everyone at once: by calls like the one that was
 * throttled to its end, by all others for a minute at most, since limits are per resource and an outage may end early.
 */
export function limit(limiter: Limiter, budget: HourlyBudget, next: Link): Link {
  const queueRises = createQueueWatch();
  const learn = (attempt: Attempt, headers: Judgement['headers']) => {
    budget.observe(attempt.request, headers);
    if (queueRises(headers['server-timing'])) limiter.narrow();
  };
  // What the token endpoint says of its limits is nothing to do with the call that the token was for.
  const learnRefusal = (attempt: Attempt, error: ServiceNowError) => {
    learn(attempt, error.headers);
    if (error instanceof ThrottledError && error.retryAfterMs !== undefined)
      budget.hold(attempt.request, error.retryAfterMs);
  };
  return async (attempt) => {
    throwIfTooLong(attempt, Math.max(limiter.pausedForMs(), budget.turnInMs(attempt.request)));
    await budget.takeTurn(attempt.request, attempt.context);
    const release = await limiter.acquire(attempt.context);
    try {
      const answer = await next(attempt);
      limiter.widen();
      learn(attempt, answer.headers);
      return answer;
    } catch (error) {
      if (error instanceof ServiceNowError) {
        slowDown(limiter, error);
        if (error.sent) learnRefusal(attempt, error);
      }
      throw error;
    } finally {
      release();
    }
  };
}

function slowDown(limiter: Limiter, error: ServiceNowError): void {
  if (!(error instanceof ThrottledError || error instanceof InstanceUnavailableError)) return;
  limiter.narrow();
  if (error.retryAfterMs !== undefined) limiter.pause(Math.min(error.retryAfterMs, longestWaitMs));
}

/** A wait that outlasts the caller is told at once, with the time, instead of holding the caller until its deadline. */
function throwIfTooLong({ request, context }: Attempt, waitMs: number): void {
  if (waitMs === 0 || !context.deadline.passed(waitMs)) return;
  const { method, path } = request;
  const message = `${method} ${path}: the instance’s limits ask to wait longer than this call has time; nothing was sent`;
  throw new ThrottledError(message, { method, path, retryAfterMs: waitMs, sent: false });
}
