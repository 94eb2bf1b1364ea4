import type { Clock } from '../core/clock.ts';
import type { ServiceNowError } from '../servicenow/service-now-error.ts';
import { outageIn, type WriteResult } from './disposition.ts';

/** What a process remembers of an instance that was down, so that a long queue does not call it for every batch. */
export type OutageMemory = {
  /** The error that the next call would most likely meet too; undefined when it is time to try. */
  current(): ServiceNowError | undefined;
  /** Learns from the results of writes. */
  observe(results: Iterable<WriteResult>): void;
};

/** However long or short the instance asked for. After the longest, one batch tries again. */
const shortestPauseMs = 1_000;
const longestPauseMs = 60_000;

/** @param pauseMs for how long nothing is sent, unless the instance said how long */
export function createOutageMemory(pauseMs: number, clock: Clock): OutageMemory {
  let last: { readonly error: ServiceNowError; readonly untilMs: number } | undefined;
  return {
    current: () => (last && clock.now() < last.untilMs ? last.error : undefined),
    observe(results) {
      const [error] = [...results].flatMap((result) =>
        'error' in result ? (outageIn(result.error) ?? []) : [],
      );
      const waitMs = Math.min(Math.max(error?.retryAfterMs ?? pauseMs, shortestPauseMs), longestPauseMs);
      last = error && { error, untilMs: clock.now() + waitMs };
    },
  };
}
