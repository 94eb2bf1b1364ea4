import type { Clock } from './clock.ts';

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
