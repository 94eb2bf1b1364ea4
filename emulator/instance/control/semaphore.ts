/** A place among the running; `release` must be called once. */
export type Permit = { readonly waitedMs: number; release(): void };

/**
 * The `API_INT` semaphore set of a node: so many requests run at a time, so many wait in order, and one more is
 * refused with a bare 429 (ServiceNow docs, "Semaphores", KB0546297: 4 and 50).
 */
export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** How many may run at once. */
  permits: number;
  /** How many may wait. */
  queue: number;

  constructor(permits = 4, queue = 50) {
    this.permits = permits;
    this.queue = queue;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** @returns undefined when the queue is full. */
  acquire(): Permit | Promise<Permit> | undefined {
    if (this.#running < this.permits) return this.#permit(0);
    if (this.#waiting.length >= this.queue) return undefined;
    const sinceMs = performance.now();
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(this.#permit(performance.now() - sinceMs)));
    });
  }

  #permit(waitedMs: number): Permit {
    this.#running += 1;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.#running -= 1;
      if (this.#running < this.permits) this.#waiting.shift()?.();
    };
    return { waitedMs, release };
  }
}
