import type { Clock } from './clock.ts';
import type { Deadline } from './deadline.ts';
import { DeadlineExceededError } from './errors.ts';

/** How long one of several waiters is willing to wait for work they share. */
export type Patience = { readonly deadline: Deadline; readonly signal?: AbortSignal | undefined };

/**
 * Waits for work that is shared with others: our own deadline and signal end the waiting, never the work.
 * @throws DeadlineExceededError, or the signal's reason
 */
export async function waitFor<T>(work: Promise<T>, patience: Patience, clock: Clock): Promise<T> {
  const settled = new AbortController();
  const signals = patience.signal ? [settled.signal, patience.signal] : [settled.signal];
  const waited = clock.sleep(patience.deadline.remainingMs(), AbortSignal.any(signals)).then(() => {
    throw new DeadlineExceededError('time ran out while waiting for credentials');
  });
  try {
    return await Promise.race([work, waited]);
  } finally {
    settled.abort();
    // Whoever lost the race has nobody left to tell.
    waited.catch(() => undefined);
  }
}
