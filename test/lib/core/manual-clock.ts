import type { Clock } from '../../../lib/core/clock.ts';

/** A clock that stands still until it is moved. */
export type ManualClock = Clock & {
  /** Moves time on and wakes those whose time has come, earliest first. */
  advance(ms: number): Promise<void>;
  /** Every sleep asked for, in milliseconds. */
  readonly sleeps: number[];
  /** How many still sleep. */
  readonly sleeping: number;
};

type Sleeper = { readonly atMs: number; readonly wake: () => void };

export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs;
  let sleepers: Sleeper[] = [];
  const sleeps: number[] = [];
  return {
    sleeps,
    get sleeping() {
      return sleepers.length;
    },
    now: () => nowMs,
    sleep: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        sleeps.push(ms);
        const sleeper = { atMs: nowMs + ms, wake: resolve };
        const drop = () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal?.reason);
        };
        if (signal?.aborted) return drop();
        signal?.addEventListener('abort', drop, { once: true });
        sleepers.push(sleeper);
      }),
    async advance(ms) {
      nowMs += ms;
      const due = sleepers.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
      sleepers = sleepers.filter(({ atMs }) => atMs > nowMs);
      for (const { wake } of due) wake();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** A clock on which every sleep passes at once, and is written down. */
export function jumpingClock(startMs = 1_700_000_000_000): Clock & { readonly sleeps: number[] } {
  let nowMs = startMs;
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => nowMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      sleeps.push(ms);
      nowMs += ms;
    },
  };
}
