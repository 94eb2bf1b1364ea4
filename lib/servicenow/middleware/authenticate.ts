import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Accepted } from '../classify/answer.ts';
import type { Connection, ConnectionSource } from '../connection/connection.ts';
import { CredentialsRejectedError, NotAuthenticatedError } from '../errors.ts';
import type { CredentialGuard } from './credential-guard.ts';
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
