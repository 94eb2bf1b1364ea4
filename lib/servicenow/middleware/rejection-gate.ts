import type { Clock } from '../../core/clock.ts';
import { waitFor } from '../../core/wait-for.ts';
import type { CallContext } from '../call.ts';
import type { Connection } from '../connection.ts';
import { NotAuthenticatedError, ServiceNowError } from '../errors.ts';

/** Keeps refused credentials from being sent again and again, so that no account is locked. */
export type RejectionGate = {
  /**
   * Runs work that sends the connection's credentials. As long as nothing tells that they are good, one runs and the
   * others wait for what it learns.
   * @throws NotAuthenticatedError without running when these credentials are known to be refused
   */
  pass<T>(connection: Connection, context: CallContext, work: () => Promise<T>): Promise<T>;
  /** True when these credentials were refused last: before they are tried again, the secret may well have changed. */
  hasRefused(connection: Connection): boolean;
  /** How long until the next try, in milliseconds. */
  closedForMs(): number;
};

const triesPerWindow = 2;
const windowMs = 60_000;
const pauseAfterRefusalMs = windowMs / triesPerWindow;

/** A gate for one instance: at most two refused tries in any minute, whatever the load. */
export function createRejectionGate(clock: Clock): RejectionGate {
  return new Gate(clock);
}

class Gate implements RejectionGate {
  readonly #clock: Clock;
  readonly #proven = new WeakSet<Connection>();
  readonly #refused = new WeakMap<Connection, NotAuthenticatedError>();
  readonly #probes = new WeakMap<Connection, Promise<void>>();
  #refusedAtMs: readonly number[] = [];
  #lastRefusal: NotAuthenticatedError | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async pass<T>(connection: Connection, context: CallContext, work: () => Promise<T>): Promise<T> {
    while (!this.#proven.has(connection)) {
      this.#throwIfClosed(connection);
      const probe = this.#probes.get(connection);
      if (!probe) return this.#probe(connection, work);
      await waitFor(probe, context, this.#clock);
    }
    return this.#run(connection, work);
  }

  hasRefused(connection: Connection): boolean {
    return this.#refused.has(connection) && !this.#proven.has(connection);
  }

  closedForMs(): number {
    const now = this.#clock.now();
    const recent = this.#refusedAtMs.filter((atMs) => now - atMs < windowMs);
    const [first] = recent;
    const last = recent.at(-1);
    if (first === undefined || last === undefined) return 0;
    const reopensAtMs = recent.length >= triesPerWindow ? first + windowMs : last + pauseAfterRefusalMs;
    return Math.max(0, reopensAtMs - now);
  }

  /** One refusal closes the gate for its own credentials; two within the window close it for any. */
  #throwIfClosed(connection: Connection): void {
    if (this.closedForMs() === 0) return;
    const now = this.#clock.now();
    const recent = this.#refusedAtMs.filter((atMs) => now - atMs < windowMs).length;
    const known = this.#refused.get(connection) ?? (recent >= triesPerWindow ? this.#lastRefusal : undefined);
    if (known) throw known;
  }

  async #probe<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#probes.set(connection, promise);
    try {
      return await this.#run(connection, work);
    } finally {
      this.#probes.delete(connection);
      resolve();
    }
  }

  async #run<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.#proven.add(connection);
      return result;
    } catch (error) {
      this.#learn(connection, error);
      throw error;
    }
  }

  #learn(connection: Connection, error: unknown): void {
    if (error instanceof NotAuthenticatedError) {
      this.#refuse(connection, error);
      return;
    }
    // A refusal of another kind comes after the credentials were accepted.
    const accepted = error instanceof ServiceNowError && error.sent && (error.status ?? 500) < 500;
    if (accepted && error.transactionId !== undefined) this.#proven.add(connection);
  }

  /** Calls that were in flight together are refused together and count as one try: nobody knew better. */
  #refuse(connection: Connection, error: NotAuthenticatedError): void {
    const known = this.hasRefused(connection) && !this.#probes.has(connection);
    this.#proven.delete(connection);
    this.#refused.set(connection, error);
    this.#lastRefusal = error;
    if (known) return;
    this.#refusedAtMs = [...this.#refusedAtMs, this.#clock.now()].slice(-triesPerWindow);
  }
}
