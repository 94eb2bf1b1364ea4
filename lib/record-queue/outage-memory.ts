import type { Clock } from '../core/clock.ts';
import { ServiceNowError } from '../servicenow/errors.ts';
import { isOutage } from './failure-kind.ts';
import type { Outcome } from './rounds.ts';

/** What a process remembers of an instance that was down, so that a long queue does not ask it for every batch anew. */
export type OutageMemory = {
  /** The error that the next call would most likely meet too; undefined when it is time to try. */
  current(): unknown;
  /** Learns from what writes came to. */
  observe(outcomes: Iterable<Outcome>): void;
};

/** However long or short the instance asked for. After the longest, one batch tries again. */
const shortestPauseMs = 1_000;
const longestPauseMs = 60_000;

/** @param pauseMs for how long nobody tries, unless the instance said how long */
export function createOutageMemory(pauseMs: number, clock: Clock): OutageMemory {
  let last: { readonly error: unknown; readonly untilMs: number } | undefined;
  return {
    current: () => (last && clock.now() < last.untilMs ? last.error : undefined),
    observe(outcomes) {
      const error = [...outcomes]
        .map((outcome) => ('error' in outcome ? outcome.error : undefined))
        .find(isOutage);
      const askedMs = error instanceof ServiceNowError ? error.retryAfterMs : undefined;
      const untilMs = clock.now() + Math.min(Math.max(askedMs ?? pauseMs, shortestPauseMs), longestPauseMs);
      last = error === undefined ? undefined : { error, untilMs };
    },
  };
}
