import type { Clock, WaitLimits } from './clock.ts';
import { DeadlineExceededError } from './errors.ts';

/** Limits the calls in flight to one instance, for the whole process. */
export type Limiter = {
  /** Waits for a place and returns the function that releases it. @throws DeadlineExceededError, or the signal's reason */
  acquire(limits: WaitLimits): Promise<() => void>;
  /** A call succeeded: one more place per round of calls (additive increase). */
  widen(): void;
  /** The instance is overloaded: half as many places, at most once a second (multiplicative decrease). */
  narrow(): void;
  /** No call starts for this long, counted from now. */
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

/** A call that waits for a place, until a time in milliseconds since the Unix epoch. */
type Waiter = {
  readonly enter: () => void;
  readonly reject: (reason: unknown) => void;
  readonly untilMs: number;
};

/** The timer for the earliest of those times. */
type Watch = { readonly untilMs: number; readonly stop: AbortController };

class AdaptiveLimiter implements Limiter {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #waiting: Waiter[] = [];
  #watch: Watch | undefined;
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

  async acquire(limits: WaitLimits): Promise<() => void> {
    limits.signal?.throwIfAborted();
    if (this.#inFlight >= this.places || this.#waiting.length > 0) await this.#enqueue(limits);
    else this.#inFlight += 1;
    try {
      await this.#waitOutPause(limits);
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

  async #waitOutPause(limits: WaitLimits): Promise<void> {
    for (let waitMs = this.pausedForMs(); waitMs > 0; waitMs = this.pausedForMs()) {
      if (limits.deadline.passed(waitMs)) throw outOfTime();
      await this.#clock.sleep(waitMs, limits.signal);
    }
  }

  async #enqueue(limits: WaitLimits): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const untilMs = this.#clock.now() + limits.deadline.remainingMs();
    const waiter = { enter: resolve, reject, untilMs };
    this.#waiting.push(waiter);
    this.#watchUntil(untilMs);
    const { signal } = limits;
    const onAbort = () => this.#reject(waiter, signal?.reason);
    signal?.addEventListener('abort', onAbort);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /**
   * One timer serves all waiting calls: under load every call waits for a moment, and a timer for each would cost more than
   * the rest of the waiting.
   */
  #watchUntil(untilMs: number): void {
    if (this.#watch && this.#watch.untilMs <= untilMs) return;
    this.#watch?.stop.abort();
    const watch = { untilMs, stop: new AbortController() };
    this.#watch = watch;
    const isOver = this.#clock.sleep(untilMs - this.#clock.now(), watch.stop.signal);
    isOver.then(
      () => this.#expire(watch),
      () => undefined,
    );
  }

  #expire({ untilMs }: Watch): void {
    this.#watch = undefined;
    for (const waiter of this.#waiting.filter((one) => one.untilMs <= untilMs))
      this.#reject(waiter, outOfTime());
    const [first, ...others] = this.#waiting.map((waiter) => waiter.untilMs);
    if (first !== undefined) this.#watchUntil(Math.min(first, ...others));
  }

  #reject(waiter: Waiter, reason: unknown): void {
    const index = this.#waiting.indexOf(waiter);
    if (index >= 0) this.#waiting.splice(index, 1);
    waiter.reject(reason);
  }

  #release(): void {
    this.#inFlight -= 1;
    this.#admit();
    if (this.#inFlight > 0 || this.#waiting.length > 0) return;
    // A running timer would keep the process alive.
    this.#watch?.stop.abort();
    this.#watch = undefined;
  }

  #admit(): void {
    while (this.#inFlight < this.places) {
      const waiter = this.#waiting.shift();
      if (!waiter) return;
      this.#inFlight += 1;
      waiter.enter();
    }
  }
}

function outOfTime(): DeadlineExceededError {
  return new DeadlineExceededError(
    'time ran out while other calls to the instance were in progress; nothing was sent',
  );
}
