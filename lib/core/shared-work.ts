import type { Clock, WaitLimits } from './clock.ts';
import { DeadlineExceededError } from './errors.ts';

/**
 * Lets all callers that ask while the work is running share its one result. The result is forgotten as soon as it is there:
 * caching is the caller's business.
 */
export function singleFlight<T>(work: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => {
    pending ??= work().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}

/**
 * Waits for work that is shared with others: the caller's own deadline and signal end the waiting, never the work.
 * @throws DeadlineExceededError, or the signal's reason
 */
export async function waitFor<T>(work: Promise<T>, limits: WaitLimits, clock: Clock): Promise<T> {
  const done = new AbortController();
  const signals = limits.signal ? [done.signal, limits.signal] : [done.signal];
  const timeout = clock.sleep(limits.deadline.remainingMs(), AbortSignal.any(signals)).then(() => {
    throw new DeadlineExceededError('time ran out while waiting for credentials');
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    done.abort();
  }
}

/**
 * Collects the requests of one event-loop tick and carries them out together.
 * @param work gives one result per item, in the order given; when it throws, everyone who asked gets its error
 */
export function coalesce<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
): (item: Item) => Promise<Result> {
  type Waiting = {
    readonly item: Item;
    resolve(result: Result | Promise<never>): void;
  };
  let waiting: Waiting[] = [];
  const flush = async () => {
    const all = waiting;
    waiting = [];
    try {
      const results = await work(all.map(({ item }) => item));
      for (const [index, result] of results.entries()) all[index]?.resolve(result);
    } catch (error) {
      for (const { resolve } of all) resolve(Promise.reject(error));
    }
  };
  return (item) =>
    new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ item, resolve });
    });
}

/** A value that is made when it is first needed. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
