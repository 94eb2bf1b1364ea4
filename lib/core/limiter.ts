import type { Clock } from './clock.ts';
import { DeadlineExceededError } from './errors.ts';
import type { Patience } from './wait-for.ts';

/** Calls in flight toward one instance, for the whole process. */
export type Limiter = {
  /** Waits for a place; call what it returns to give the place back. @throws DeadlineExceededError, or the signal's reason */
  acquire(patience: Patience): Promise<() => void>;
  /** A call came through well: one more place per round of calls (additive increase). */
  widen(): void;
  /** The instance is overloaded: half as many places, at most once a second (multiplicative decrease). */
  narrow(): void;
  /** Nobody starts anything for this long, counted from now. */
  pause(ms: number): void;
  /** How long until the next start, in milliseconds. */
  pausedForMs(): number;
  /** Places at present. */
  readonly places: number;
};

const narrowAgainAfterMs = 1000;

/** A limiter with `most` places to begin with, never fewer than one. */
export function createLimiter(most: number, clock: Clock): Limiter {
  return new AdaptiveLimiter(most, clock);
}

class AdaptiveLimiter implements Limiter {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #width: number;
  #inFlight = 0;
  #narrowedAtMs = Number.NEGATIVE_INFINITY;
  #pausedUntilMs = 0;

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#width = most;
    this.#clock = clock;
  }

  get places(): number {
    return Math.max(1, Math.floor(this.#width));
  }

  async acquire(patience: Patience): Promise<() => void> {
    patience.signal?.throwIfAborted();
    if (this.#inFlight >= this.places || this.#waiting.length > 0) await this.#queue(patience);
    else this.#inFlight += 1;
    try {
      await this.#sitOutPause(patience);
    } catch (error) {
      this.#release();
      throw error;
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#release();
    };
  }

  widen(): void {
    this.#width = Math.min(this.#most, this.#width + 1 / this.places);
    this.#admit();
  }

  narrow(): void {
    const now = this.#clock.now();
    if (now - this.#narrowedAtMs < narrowAgainAfterMs) return;
    this.#narrowedAtMs = now;
    this.#width = Math.max(1, this.#width / 2);
  }

  pause(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#clock.now() + ms);
  }

  pausedForMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#clock.now());
  }

  async #sitOutPause(patience: Patience): Promise<void> {
    for (let waitMs = this.pausedForMs(); waitMs > 0; waitMs = this.pausedForMs()) {
      if (patience.deadline.passed(waitMs)) throw outOfTime();
      await this.#clock.sleep(waitMs, patience.signal);
    }
  }

  async #queue(patience: Patience): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const enter = () => resolve();
    this.#waiting.push(enter);
    const settled = new AbortController();
    const signals = patience.signal ? [settled.signal, patience.signal] : [settled.signal];
    const giveUp = (error: unknown) => {
      const index = this.#waiting.indexOf(enter);
      if (index >= 0) this.#waiting.splice(index, 1);
      reject(error);
    };
    const timer = this.#clock.sleep(patience.deadline.remainingMs(), AbortSignal.any(signals));
    timer.then(() => giveUp(outOfTime()), giveUp);
    try {
      await promise;
    } finally {
      settled.abort();
    }
  }

  #release(): void {
    this.#inFlight -= 1;
    this.#admit();
  }

  #admit(): void {
    while (this.#inFlight < this.places) {
      const enter = this.#waiting.shift();
      if (!enter) return;
      this.#inFlight += 1;
      enter();
    }
  }
}

function outOfTime(): DeadlineExceededError {
  return new DeadlineExceededError(
    'time ran out while waiting for a free place toward the instance; nothing was sent',
  );
}
