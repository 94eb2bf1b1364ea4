import type { Clock } from '../../core/clock.ts';
import type { Patience } from '../../core/wait-for.ts';
import type { Method, ServiceNowRequest } from '../call.ts';
import { timeOf } from '../server-clock.ts';

/** Spreads what is left of an hourly rate limit (contract 8.1) when it runs short. */
export type HourlyBudget = {
  /** How long until this call's turn, in milliseconds; 0 while there is plenty. */
  turnInMs(request: ServiceNowRequest): number;
  /** Takes the turn and waits for it. @throws the signal's reason */
  takeTurn(request: ServiceNowRequest, patience: Patience): Promise<void>;
  /** Reads `X-RateLimit-Limit` and `X-RateLimit-Reset` of an answer, and `Date` for the instance's time. */
  observe(request: ServiceNowRequest, headers: Readonly<Record<string, string>>): void;
  /** The instance refused a call like this one and said when to come back: until then it gets none, for an hour at most. */
  hold(request: ServiceNowRequest, ms: number): void;
};

type Window = { limit: number; reset: number; resetAtMs: number; used: number; nextStartMs: number };

/** Limits are counted by the hour of the clock (contract 8.1): whoever asks to stay away longer does not speak of one. */
const longestHoldMs = 3_600_000;

/** From here on calls are spread: the last fifth of the hour's limit. */
const shortShare = 0.2;

/**
 * ServiceNow does not say how much remains, so each process counts its own calls since the hour began. Others' calls are
 * not seen: their 429 still comes, and is obeyed.
 */
export function createHourlyBudget(clock: Clock): HourlyBudget {
  const windows = new Map<string, Window>();
  const heldUntilMs = new Map<string, number>();
  const heldForMs = (request: ServiceNowRequest) =>
    Math.max(0, (heldUntilMs.get(resourceOf(request.method, request.path)) ?? 0) - clock.now());
  const windowOf = (request: ServiceNowRequest): Window | undefined => {
    const window = windows.get(resourceOf(request.method, request.path));
    return window && window.resetAtMs > clock.now() ? window : undefined;
  };
  return {
    turnInMs(request) {
      const window = windowOf(request);
      const turnMs = window && isShort(window) ? window.nextStartMs - clock.now() : 0;
      return Math.max(turnMs, heldForMs(request));
    },
    async takeTurn(request, patience) {
      const window = windowOf(request);
      const waitMs = Math.max(window ? reserve(window, clock.now()) : 0, heldForMs(request));
      if (waitMs > 0) await clock.sleep(waitMs, patience.signal);
    },
    observe(request, headers) {
      const limit = Number(headers['x-ratelimit-limit']);
      const reset = Number(headers['x-ratelimit-reset']);
      const resetInMs = reset * 1000 - timeOf(headers, clock.now());
      if (!(limit > 0) || !(resetInMs > 0)) return;
      const resource = resourceOf(request.method, request.path);
      const known = windows.get(resource);
      if (known?.reset === reset) known.limit = limit;
      else
        windows.set(resource, { limit, reset, resetAtMs: clock.now() + resetInMs, used: 1, nextStartMs: 0 });
    },
    hold(request, ms) {
      const untilMs = clock.now() + Math.min(ms, longestHoldMs);
      heldUntilMs.set(resourceOf(request.method, request.path), untilMs);
    },
  };
}

/** Counts the call and gives how long it has to wait. */
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
function resourceOf(method: Method, path: string): string {
  return `${method} ${/^\/api\/now\/(?:v\d\/)?([^/]+)/.exec(path)?.[1] ?? path}`;
}
