import { setTimeout as delay } from 'node:timers/promises';

type Job = {
  readonly dueMs: number;
  readonly order: number;
  readonly housekeeping: boolean;
  run(): void | Promise<void>;
};

const longestTimerMs = 2_147_483_647;

/**
 * The instance's clock and what is due on it. It runs with the machine's clock, shifted by `set` and `advance`, or
 * stands still after `freeze`. Jobs run by themselves when their time comes, and before `advance` or `set` resolves
 * when these carry the clock past it, so that a test never sleeps.
 */
export class InstanceClock {
  readonly #source: () => number;
  #offsetMs = 0;
  #frozenAtMs: number | undefined;
  #jobs: Job[] = [];
  #order = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `source` gives milliseconds since the epoch. */
  constructor(source: () => number = Date.now) {
    this.#source = source;
  }

  /** Milliseconds since the Unix epoch on the instance. */
  now(): number {
    return this.#frozenAtMs ?? this.#source() + this.#offsetMs;
  }

  get frozen(): boolean {
    return this.#frozenAtMs !== undefined;
  }

  /** Jobs that are still to run, housekeeping aside. */
  get pendingJobs(): number {
    return this.#jobs.filter((job) => !job.housekeeping).length;
  }

  /** Stops the clock where it is; only `set` and `advance` move it then. */
  freeze(): void {
    this.#frozenAtMs = this.now();
    this.#arm();
  }

  /** Lets a frozen clock run on from where it stands. */
  unfreeze(): void {
    if (this.#frozenAtMs === undefined) return;
    this.#offsetMs = this.#frozenAtMs - this.#source();
    this.#frozenAtMs = undefined;
    this.#arm();
  }

  /** Puts the clock to an instant and runs, in order, what is due by then. Going back runs nothing. */
  async set(epochMs: number): Promise<void> {
    this.#put(epochMs);
    await this.#runDue();
  }

  /** Moves the clock on and runs, in order, what is due by then. */
  advance(byMs: number): Promise<void> {
    return this.set(this.now() + byMs);
  }

  /** Runs `job` once the clock shows `dueMs`; at once, though never before this returns, when it already does. */
  at(dueMs: number, run: Job['run']): void {
    this.#add(dueMs, run, false);
  }

  /**
   * Resolves after so many milliseconds: of the machine's time, or of a frozen clock when it is moved on.
   * @throws AbortError when the signal is aborted first.
   */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.frozen) {
      await delay(ms, undefined, { signal });
      return;
    }
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abandon = () => reject(signal.reason);
    signal.addEventListener('abort', abandon, { once: true });
    this.at(this.now() + ms, resolve);
    await promise.finally(() => signal.removeEventListener('abort', abandon));
  }

  /** The same as `at` for jobs that recur daily; they do not count as pending. */
  housekeep(dueMs: number, run: Job['run']): void {
    this.#add(dueMs, run, true);
  }

  /** Back to the machine's time, with nothing due. */
  reset(): void {
    this.#jobs = [];
    this.#offsetMs = 0;
    this.#frozenAtMs = undefined;
    this.#arm();
  }

  /** Forgets every job and lets the process end. */
  close(): void {
    this.#jobs = [];
    this.#arm();
  }

  #add(dueMs: number, run: Job['run'], housekeeping: boolean): void {
    this.#order += 1;
    this.#jobs.push({ dueMs, order: this.#order, housekeeping, run });
    this.#jobs.sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
    this.#arm();
  }

  #put(epochMs: number): void {
    if (this.#frozenAtMs !== undefined) this.#frozenAtMs = epochMs;
    else this.#offsetMs = epochMs - this.#source();
  }

  async #runDue(): Promise<void> {
    for (let job = this.#jobs[0]; job && job.dueMs <= this.now(); job = this.#jobs[0]) {
      this.#jobs.shift();
      await runJob(job);
    }
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const next = this.#jobs[0];
    if (!next || this.frozen) return;
    const delayMs = Math.min(Math.max(next.dueMs - this.now(), 0), longestTimerMs);
    this.#timer = setTimeout(() => void this.#runDue(), delayMs).unref();
  }
}

/** A job that fails is none of the others' business, nor the end of the instance: a warning shows its trace. */
async function runJob(job: Job): Promise<void> {
  try {
    await job.run();
  } catch (cause) {
    const trace = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    process.emitWarning(`A job of the instance failed: ${trace}`);
  }
}
