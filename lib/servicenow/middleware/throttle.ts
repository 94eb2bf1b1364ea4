import type { Clock, WaitLimits } from '../../core/clock.ts';
import type { Limiter } from '../../core/limiter.ts';
import type { Method, ServiceNowRequest } from '../call.ts';
import type { Accepted } from '../classify/answer.ts';
import { InstanceUnavailableError, ThrottledError } from '../errors.ts';
import { ServiceNowError } from '../service-now-error.ts';
import { timeOf } from '../transport/exchange.ts';
import { longestWaitMs } from './retry.ts';
import type { Attempt, Link } from './send.ts';

/**
 * Keeps the process within what the instance can take: the places for calls in flight grow and shrink with its answers, the
 * hourly rate limit is spread over the hour, and everyone obeys `Retry-After`: calls like the one that was throttled to its
 * end, all others for a minute at most, since limits are per resource and an outage may end early.
 */
export function throttle(limiter: Limiter, budget: HourlyBudget, next: Link): Link {
  const queueRises = createQueueWatch();
  const learn = (attempt: Attempt, headers: Accepted['headers']) => {
    budget.observe(attempt.request, headers);
    if (queueRises(headers['server-timing'])) limiter.narrow();
  };
  const learnRefusal = (attempt: Attempt, error: ServiceNowError) => {
    learn(attempt, error.headers);
    if (error instanceof ThrottledError && error.retryAfterMs !== undefined)
      budget.hold(attempt.request, error.retryAfterMs);
  };
  return async (attempt) => {
    throwIfTooLong(attempt, Math.max(limiter.pausedForMs(), budget.msUntilSlot(attempt.request)));
    await budget.waitForSlot(attempt.request, attempt.context);
    const release = await limiter.acquire(attempt.context);
    try {
      const answer = await next(attempt);
      limiter.widen();
      learn(attempt, answer.headers);
      return answer;
    } catch (error) {
      if (error instanceof ServiceNowError) {
        slowDown(limiter, error);
        // The limits of the token endpoint have nothing to do with the call that the token was for.
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

/** A wait that outlasts the caller ends at once, with the time to come back, instead of holding the caller until its deadline. */
function throwIfTooLong({ request, context }: Attempt, waitMs: number): void {
  if (waitMs === 0 || !context.deadline.passed(waitMs)) return;
  const { method, path } = request;
  const message = `${method} ${path}: the rate limits of the instance require a longer wait than this call has time for; nothing was sent`;
  throw new ThrottledError(message, { method, path, retryAfterMs: waitMs, sent: false });
}

/** Spreads what is left of an hourly rate limit (docs/servicenow-contract.md 8.1) when it runs short. */
export type HourlyBudget = {
  /** How long until this call may be sent, in milliseconds; 0 while there is plenty. */
  msUntilSlot(request: ServiceNowRequest): number;
  /** Reserves a place in the schedule and waits for it. @throws the signal's reason */
  waitForSlot(request: ServiceNowRequest, limits: WaitLimits): Promise<void>;
  /** Reads `X-RateLimit-Limit` and `X-RateLimit-Reset` of an answer, and `Date` for the instance's time. */
  observe(request: ServiceNowRequest, headers: Readonly<Record<string, string>>): void;
  /** The instance refused a call like this one and said when to come back: until then none is sent, for an hour at most. */
  hold(request: ServiceNowRequest, ms: number): void;
};

type Window = { limit: number; reset: number; resetAtMs: number; used: number; nextStartMs: number };

/** Limits are counted by the hour of the clock (docs/servicenow-contract.md 8.1): a longer wait does not come from one. */
const longestHoldMs = 3_600_000;

/** From here on calls are spread: the last fifth of the hour's limit. */
const shortShare = 0.2;

/**
 * ServiceNow does not say how much remains, so each process counts its own calls since the hour began. It does not see the
 * calls of others: their 429 still comes, and is obeyed.
 */
export function createHourlyBudget(clock: Clock): HourlyBudget {
  const windows = new Map<string, Window>();
  const heldUntilMs = new Map<string, number>();
  const heldForMs = (request: ServiceNowRequest) =>
    Math.max(0, (heldUntilMs.get(resourceOf(request)) ?? 0) - clock.now());
  const windowOf = (request: ServiceNowRequest): Window | undefined => {
    const window = windows.get(resourceOf(request));
    return window && window.resetAtMs > clock.now() ? window : undefined;
  };
  return {
    msUntilSlot(request) {
      const window = windowOf(request);
      const turnMs = window && isShort(window) ? window.nextStartMs - clock.now() : 0;
      return Math.max(turnMs, heldForMs(request));
    },
    async waitForSlot(request, limits) {
      const window = windowOf(request);
      const waitMs = Math.max(window ? reserve(window, clock.now()) : 0, heldForMs(request));
      if (waitMs > 0) await clock.sleep(waitMs, limits.signal);
    },
    observe(request, headers) {
      const limit = Number(headers['x-ratelimit-limit']);
      const reset = Number(headers['x-ratelimit-reset']);
      const resetInMs = reset * 1000 - timeOf(headers, clock.now());
      if (!(limit > 0) || !(resetInMs > 0)) return;
      const resource = resourceOf(request);
      const known = windows.get(resource);
      if (known?.reset === reset) known.limit = limit;
      else
        windows.set(resource, { limit, reset, resetAtMs: clock.now() + resetInMs, used: 1, nextStartMs: 0 });
    },
    hold(request, ms) {
      heldUntilMs.set(resourceOf(request), clock.now() + Math.min(ms, longestHoldMs));
    },
  };
}

/** Counts the call and returns how long it has to wait. */
function reserve(window: Window, nowMs: number): number {
  const short = isShort(window);
  window.used += 1;
  if (!short) return 0;
  const gapMs = (window.resetAtMs - nowMs) / Math.max(1, window.limit - window.used);
  const startMs = Math.max(nowMs, window.nextStartMs);
  window.nextStartMs = Math.min(startMs + gapMs, window.resetAtMs);
  return startMs - nowMs;
}

function isShort({ limit, used }: Window): boolean {
  return limit - used - 1 <= limit * shortShare;
}

/** Rules are per REST resource and method: `GET table`, `POST import`. */
function resourceOf({ method, path }: { readonly method: Method; readonly path: string }): string {
  return `${method} ${/^\/api\/now\/(?:v\d\/)?([^/]+)/.exec(path)?.[1] ?? path}`;
}

/** Waits below this are normal, in milliseconds. */
const noticeableMs = 50;

/**
 * Watches `Server-Timing: sem_wait;dur=…`, the time that a call waited for one of the node's four REST semaphores
 * (docs/servicenow-contract.md 8.2). Gives true when it rises clearly above its recent average.
 */
export function createQueueWatch(): (serverTiming: string | undefined) => boolean {
  let averageMs = 0;
  return (serverTiming) => {
    const text = /sem_wait;[^,]*?dur=([\d.]+)/.exec(serverTiming ?? '')?.[1];
    if (text === undefined) return false;
    const waitMs = Number(text);
    const rises = waitMs > noticeableMs && waitMs > 2 * averageMs;
    averageMs = 0.8 * averageMs + 0.2 * waitMs;
    return rises;
  };
}
