import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Judgement } from '../classify/judge.ts';
import type { Connection } from '../connection.ts';
import type { ConnectionSource } from '../connection-source.ts';
import { CredentialsRejectedError, NotAuthenticatedError } from '../errors.ts';
import type { Attempt, Link } from './attempt.ts';
import type { RejectionGate } from './rejection-gate.ts';
import type { SendAs } from './send.ts';

export type AuthenticateOptions = {
  readonly source: ConnectionSource;
  readonly gate: RejectionGate;
  readonly send: SendAs;
  readonly log: Log;
  readonly metrics: Metrics;
};

/**
 * Gives each attempt its proof, and on a 401 climbs this ladder, each step once:
 *
 *   401 ─► another token of the same secret ─► the secret read again ─► CREDENTIALS_REJECTED
 *
 * A step that yields nothing new is skipped, so that known-bad credentials are never sent a second time.
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

/** Refused credentials are not tried again before somebody had a look whether the secret has changed. */
async function connectionFor(
  { context }: Attempt,
  { source, gate }: AuthenticateOptions,
): Promise<Connection> {
  const current = await source.current(context);
  return gate.hasRefused(current) ? source.reload(current, context) : current;
}

/** Tries what one secret has to offer: the proof at hand, then another token. */
async function withSecret(
  attempt: Attempt,
  connection: Connection,
  options: AuthenticateOptions,
): Promise<Judgement> {
  return options.gate.pass(connection, attempt.context, async () => {
    const proof = await connection.authorizer.prove(attempt.context);
    try {
      return await options.send(attempt, connection, proof);
    } catch (error) {
      if (!(error instanceof NotAuthenticatedError)) throw error;
      const other = await connection.authorizer.renew(proof, attempt.context);
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
): Promise<Judgement> {
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
  attempt: Attempt,
  cause: NotAuthenticatedError,
  options: AuthenticateOptions,
): CredentialsRejectedError {
  const { method, path } = attempt.request;
  options.metrics.add('CredentialRejections');
  options.log.error('credentials-rejected', { correlationId: attempt.context.correlationId, method, path });
  return rejection(method, path, options.gate.closedForMs(), cause);
}

/** Says that the instance refuses the credentials, and for how long nothing more will be sent. */
function rejection(
  method: CredentialsRejectedError['method'],
  path: string,
  retryAfterMs: number,
  cause?: NotAuthenticatedError,
): CredentialsRejectedError {
  const { status, headers, body } = cause ?? {};
  const answer = status === undefined ? undefined : { status, headers: headers ?? {}, body };
  return new CredentialsRejectedError(
    `${method} ${path}: the instance refuses these credentials, also after reading the secret again; check the secret and whether the account is locked`,
    { method, path, answer, retryAfterMs, sent: cause?.sent ?? false, cause },
  );
}
