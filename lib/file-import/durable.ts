/**
 * The durable engine as an import sees it. Operations are remembered by their order: code between them has to come
 * to the same calls on every replay, so whatever depends on time or the world happens inside them.
 */
export type Durable = {
  /**
   * Runs once and remembers the result (JSON, below 256 KB); at least once when the process dies in between. An error
   * with `retryable` not false makes it run again later: RetryLaterError says when.
   * @throws when it failed for good
   */
  step<T>(name: string, run: () => Promise<T>): Promise<T>;
  /** Runs `check` again and again, from `initial`, without computing in between, until `next` answers 'done'. */
  poll<T>(name: string, initial: T, check: (state: T) => Promise<T>, next: PollDecision<T>): Promise<T>;
};

/** Seconds until the next look, or 'done'; `attempt` counts from 1. */
export type PollDecision<T> = (state: T, attempt: number) => number | 'done';

/** The waits between looks: 1 s, then half as long again each time, up to `longestSeconds`. */
export function growingWait(attempt: number, longestSeconds: number): number {
  return Math.min(longestSeconds, Math.ceil(1.5 ** Math.min(attempt - 1, 40)));
}
