import type { Clock } from '../../core/clock.ts';
import { DeadlineExceededError } from '../../core/errors.ts';
import type { Patience } from '../../core/wait-for.ts';
import type { Method, ServiceNowRequest } from '../request.ts';

/** Spreads what is left of an hourly rate limit (contract 8.1) when it runs short. */
export type HourlyBudget = {
  /** Waits for this call's turn; at once while there is plenty. @throws DeadlineExceededError */
  takeTurn(request: ServiceNowRequest, patience: Patience): Promise<void>;
  /** Reads `X-RateLimit-Limit` and `X-RateLimit-Reset` of an answer. */
  observe(request: ServiceNowRequest, headers: Readonly<Record<string, string>>): void;
};

type Window = { limit: number; resetAtMs: number; used: number; nextStartMs: number };

/** From here on calls are spread: the last fifth of the hour's limit. */
const shortShare = 0.2;

/**
 * ServiceNow does not say how much remains, so each process counts its own calls since the hour began. Others' calls are
 * not seen: their 429 still comes, and is obeyed.
 */
export function createHourlyBudget(clock: Clock): HourlyBudget {
  const windows = new Map<string, Window>();
  return {
    async takeTurn(request, patience) {
      const window = windows.get(resourceOf(request.method, request.path));
      if (!window || window.resetAtMs <= clock.now()) return;
      const waitMs = reserve(window, clock.now());
      if (waitMs === 0) return;
      if (patience.deadline.passed(waitMs)) throw outOfBudget(window);
      await clock.sleep(waitMs, patience.signal);
    },
    observe(request, headers) {
      const limit = Number(headers['x-ratelimit-limit']);
      const resetAtMs = Number(headers['x-ratelimit-reset']) * 1000;
      if (!(limit > 0) || !(resetAtMs > clock.now())) return;
      const resource = resourceOf(request.method, request.path);
      const known = windows.get(resource);
      if (known?.resetAtMs === resetAtMs) known.limit = limit;
      else windows.set(resource, { limit, resetAtMs, used: 1, nextStartMs: 0 });
    },
  };
}

/** Counts the call and gives how long it has to wait. */
function reserve(window: Window, nowMs: number): number {
  window.used += 1;
  const left = window.limit - window.used;
  if (left > window.limit * shortShare) return 0;
  const gapMs = (window.resetAtMs - nowMs) / Math.max(1, left);
  const startMs = Math.max(nowMs, window.nextStartMs);
  window.nextStartMs = startMs + gapMs;
  return startMs - nowMs;
}

/** Rules are per REST resource and method: `GET table`, `POST import`. */
function resourceOf(method: Method, path: string): string {
  return `${method} ${/^\/api\/now\/(?:v\d\/)?([^/]+)/.exec(path)?.[1] ?? path}`;
}

function outOfBudget(window: Window): DeadlineExceededError {
  return new DeadlineExceededError(
    `the hourly rate limit of ${window.limit} calls is nearly used up and this call’s turn comes after its deadline; nothing was sent`,
  );
}
