import type { Clock } from '../clock.ts';

/** Lets receivers of a queue sleep until something comes. */
export class Arrivals {
  readonly #waiting = new Map<string, Set<AbortController>>();

  /** Returns when the queue is notified, the time is over, or the signal aborts. */
  async wait(queueName: string, ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    const arrival = new AbortController();
    const waiting = this.#waiting.get(queueName) ?? new Set();
    this.#waiting.set(queueName, waiting.add(arrival));
    const ended = AbortSignal.any([signal, arrival.signal]);
    try {
      await clock.sleep(ms, ended);
    } catch (error) {
      if (!ended.aborted) throw error;
    } finally {
      waiting.delete(arrival);
    }
  }

  notify(queueName: string): void {
    for (const arrival of this.#waiting.get(queueName) ?? []) arrival.abort();
  }
}
