import { setTimeout as delay } from 'node:timers/promises';

/** Time as the code sees it. Tests pass a clock that they move by hand, so that nothing sleeps. */
export type Clock = {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

/** The longest delay of a Node timer; a longer one would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    try {
      await delay(Math.max(0, Math.min(ms, longestTimerMs)), undefined, signal ? { signal } : {});
    } catch (cause) {
      throw signal?.aborted ? signal.reason : cause;
    }
  },
};

/** The moment after which an answer is of no use any more: the end of a Lambda invocation, less what is needed to report. */
export type Deadline = {
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** Whole milliseconds left, never below 0: timers refuse fractions. */
  remainingMs(): number;
  /** True when fewer than `needMs` (default 1) milliseconds are left. */
  passed(needMs?: number): boolean;
  /** An earlier deadline, `ms` from now at the latest. */
  within(ms: number): Deadline;
};

/** How long a caller is willing to wait. */
export type WaitLimits = { readonly deadline: Deadline; readonly signal?: AbortSignal | undefined };

/** A deadline at `atMs` (milliseconds since the Unix epoch) on the given clock. */
export function deadlineAt(atMs: number, clock: Clock): Deadline {
  const remainingMs = () => Math.max(0, Math.floor(atMs - clock.now()));
  return {
    atMs,
    remainingMs,
    passed: (needMs = 1) => remainingMs() < needMs,
    within: (ms) => deadlineAt(Math.min(atMs, clock.now() + ms), clock),
  };
}
