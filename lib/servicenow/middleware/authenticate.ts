import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import { waitFor } from '../../core/shared-work.ts';
import type { CallContext } from '../call.ts';
import type { Accepted } from '../classify/answer.ts';
import type { Connection, ConnectionSource } from '../connection.ts';
import { CredentialsRejectedError, NotAuthenticatedError } from '../errors.ts';
import { ServiceNowError } from '../service-now-error.ts';
import type { Attempt, Link, Send } from './send.ts';

export type AuthenticateOptions = {
  readonly source: ConnectionSource;
  readonly guard: CredentialGuard;
  readonly send: Send;
  readonly log: Log;
  readonly metrics: Metrics;
};

/**
 * Gives each attempt its credentials, and on a 401 climbs this ladder, each step once:
 *
 *   401 ─► another token of the same secret ─► the secret read again ─► CREDENTIALS_REJECTED
 *
 * A step that yields nothing new is skipped, so that credentials known to be bad are never sent a second time.
 */
export function authenticate(options: AuthenticateOptions): Link {
  return async (attempt) => {
    const connection = await connectionFor(attempt, options);
    try {
      return await withSecret(attempt, connection, options);
    } catch (error) {
      if (!(error instanceof NotAuthenticatedError)) throw error;
      return withNewSecret(attempt, connection, error, options);
    }
  };
}

/** Refused credentials are not tried again before the secret was checked for a change. */
async function connectionFor(
  { context }: Attempt,
  { source, guard }: AuthenticateOptions,
): Promise<Connection> {
  const current = await source.current(context);
  return guard.hasRefused(current) ? source.reload(current, context) : current;
}

/** Tries what one secret offers: the headers at hand, then another token. */
async function withSecret(
  attempt: Attempt,
  connection: Connection,
  options: AuthenticateOptions,
): Promise<Accepted> {
  return options.guard.pass(connection, attempt.context, async () => {
    const headers = await connection.credentials.headers(attempt.context);
    try {
      return await options.send(attempt, connection, headers);
    } catch (error) {
      if (!(error instanceof NotAuthenticatedError)) throw error;
      const other = await connection.credentials.renew(headers, attempt.context);
      if (!other) throw error;
      options.log.info('token-renewed', { correlationId: attempt.context.correlationId });
      return options.send(attempt, connection, other);
    }
  });
}

async function withNewSecret(
  attempt: Attempt,
  refused: Connection,
  error: NotAuthenticatedError,
  options: AuthenticateOptions,
): Promise<Accepted> {
  const connection = await options.source.reload(refused, attempt.context);
  if (connection === refused) throw rejected(attempt, error, options);
  options.log.info('secret-read-again', { correlationId: attempt.context.correlationId });
  try {
    return await withSecret(attempt, connection, options);
  } catch (again) {
    throw again instanceof NotAuthenticatedError ? rejected(attempt, again, options) : again;
  }
}

function rejected(
  { request, context }: Attempt,
  cause: NotAuthenticatedError,
  { metrics, log, guard }: AuthenticateOptions,
): CredentialsRejectedError {
  const { method, path } = request;
  metrics.add('CredentialRejections');
  log.error('credentials-rejected', { correlationId: context.correlationId, method, path });
  const { status, headers, body, sent } = cause;
  return new CredentialsRejectedError(
    `${method} ${path}: the instance refuses these credentials, also after the secret was read again; check the secret and whether the account is locked`,
    {
      method,
      path,
      answer: status === undefined ? undefined : { status, headers, body },
      retryAfterMs: guard.closedForMs(),
      sent,
      cause,
    },
  );
}

/** Keeps refused credentials from being sent again and again, so that no account gets locked. */
export type CredentialGuard = {
  /**
   * Runs work that sends the connection's credentials. Until an answer shows that they are accepted, one call runs and the
   * others wait for its result.
   * @throws NotAuthenticatedError without running when these credentials are known to be refused
   */
  pass<T>(connection: Connection, context: CallContext, work: () => Promise<T>): Promise<T>;
  /** True when these credentials were refused last: the secret should be read again before they are tried again. */
  hasRefused(connection: Connection): boolean;
  /** How long until the next attempt, in milliseconds. */
  closedForMs(): number;
};

const attemptsPerWindow = 2;
const windowMs = 60_000;
const pauseAfterRefusalMs = windowMs / attemptsPerWindow;

/** A guard for one instance: at most two refused attempts in any minute, whatever the load. */
export function createCredentialGuard(clock: Clock): CredentialGuard {
  return new Guard(clock);
}

class Guard implements CredentialGuard {
  readonly #clock: Clock;
  readonly #accepted = new WeakSet<Connection>();
  readonly #refused = new WeakMap<Connection, NotAuthenticatedError>();
  readonly #probes = new WeakMap<Connection, Promise<void>>();
  #refusedAtMs: readonly number[] = [];
  #lastRefusal: NotAuthenticatedError | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async pass<T>(connection: Connection, context: CallContext, work: () => Promise<T>): Promise<T> {
    while (!this.#accepted.has(connection)) {
      this.#throwIfClosed(connection);
      const probe = this.#probes.get(connection);
      if (!probe) return this.#probe(connection, work);
      await waitFor(probe, context, this.#clock);
    }
    return this.#run(connection, work);
  }

  hasRefused(connection: Connection): boolean {
    return this.#refused.has(connection) && !this.#accepted.has(connection);
  }

  closedForMs(): number {
    const now = this.#clock.now();
    const recent = this.#recentRefusals();
    const [first] = recent;
    const last = recent.at(-1);
    if (first === undefined || last === undefined) return 0;
    const reopensAtMs = recent.length >= attemptsPerWindow ? first + windowMs : last + pauseAfterRefusalMs;
    return Math.max(0, reopensAtMs - now);
  }

  #recentRefusals(): readonly number[] {
    const now = this.#clock.now();
    return this.#refusedAtMs.filter((atMs) => now - atMs < windowMs);
  }

  /** One refusal closes the guard for its own credentials; two within the window close it for any. */
  #throwIfClosed(connection: Connection): void {
    if (this.closedForMs() === 0) return;
    const isFull = this.#recentRefusals().length >= attemptsPerWindow;
    const known = this.#refused.get(connection) ?? (isFull ? this.#lastRefusal : undefined);
    if (known) throw withoutCall(known);
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
      this.#accepted.add(connection);
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
    // ServiceNow refuses in another way only after it accepted the credentials; a 5xx may come from before that.
    const isRefusal = error instanceof ServiceNowError && error.sent && (error.status ?? 500) < 500;
    if (isRefusal && error.transactionId !== undefined) this.#accepted.add(connection);
  }

  /** Calls that were in flight together are refused together and count as one attempt: none of them could know better. */
  #refuse(connection: Connection, error: NotAuthenticatedError): void {
    const isKnown = this.hasRefused(connection) && !this.#probes.has(connection);
    this.#accepted.delete(connection);
    this.#refused.set(connection, error);
    this.#lastRefusal = error;
    if (isKnown) return;
    this.#refusedAtMs = [...this.#refusedAtMs, this.#clock.now()].slice(-attemptsPerWindow);
  }
}

/** The refusal as the reason why a call was not made: that call has no transaction on the instance. */
function withoutCall(refusal: NotAuthenticatedError): NotAuthenticatedError {
  const { message, method, path, status, body, headers } = refusal;
  const { 'x-transaction-id': _, ...kept } = headers;
  const answer = status === undefined ? undefined : { status, headers: kept, body };
  return new NotAuthenticatedError(message, { method, path, answer, sent: false, cause: refusal.cause });
}
