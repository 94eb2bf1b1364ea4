import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Clock } from '../core/clock.ts';
import { ConfigurationError, ConnectorError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { singleFlight } from '../core/shared-work.ts';
import { explainFailure } from './denial.ts';

/** What a function's role needs to read the secret. */
const readAction = 'secretsmanager:GetSecretValue';

/** Secrets Manager could not be asked. */
export class SecretUnavailableError extends ConnectorError {
  override readonly name: string = 'SecretUnavailableError';
  override readonly code = 'SECRET_UNAVAILABLE';
  override readonly scope = 'instance';
  override readonly retryable = true;

  override get advice(): string {
    const { kind, advice } = explainFailure(this.cause, readAction);
    if (kind === 'no-answer') return `check that Secrets Manager can be reached; ${advice}`;
    if (kind === 'quota') return advice;
    return 'set AWS_REGION and AWS credentials, and check that Secrets Manager can be reached';
  }
}

/** Gives a secret's text, at once while it is kept; `fresh` bypasses what is kept. */
export type SecretReader = (options: { readonly fresh: boolean }) => string | Promise<string>;

type Kept = { readonly text: string; readonly readAtMs: number };

/** While Secrets Manager is unavailable, the cached secret stays in use and is fetched again after this time. */
const askAgainAfterMs = 30_000;

/**
 * Keeps a secret for `ttlMs`, and lets everyone who asks at once share one read. An outage of Secrets Manager does not
 * stop a process that has read the secret before.
 * @param fetchSecret reads it from where it lives
 */
export function cacheSecret(
  fetchSecret: () => Promise<string>,
  options: { readonly ttlMs: number; readonly clock: Clock; readonly metrics: Metrics; readonly log: Log },
): SecretReader {
  const { ttlMs, clock, metrics, log } = options;
  let kept: Kept | undefined;
  const read = singleFlight(async () => {
    metrics.add('SecretReads');
    const text = await fetchSecret();
    kept = { text, readAtMs: clock.now() };
    return text;
  });
  const keepOn = (error: unknown, { text }: Kept) => {
    if (!(error instanceof SecretUnavailableError)) throw error;
    log.warn('secret-refresh-failed', { reason: error.message });
    kept = { text, readAtMs: clock.now() - ttlMs + askAgainAfterMs };
    return text;
  };
  return ({ fresh }) => {
    const known = kept;
    if (!known || fresh) return read();
    const usable = clock.now() - known.readAtMs < ttlMs;
    return usable ? known.text : read().catch((error: unknown) => keepOn(error, known));
  };
}

/** The SDK itself waits for ever, e.g. in a VPC without a way to Secrets Manager. */
const timeouts = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true };

let client: Promise<SecretsManagerClient> | undefined;

/** The SDK's client is loaded on the first read: a warm process never does, and a cold start does it in parallel with its other work. */
function secretsManager(): Promise<SecretsManagerClient> {
  client ??= import('./sdk/secrets-manager.ts').then(
    (sdk) => new sdk.SecretsManagerClient({ maxAttempts: 3, requestHandler: timeouts }),
  );
  return client;
}

/**
 * Reads the current version (AWSCURRENT) of a secret; AWSPENDING, which a rotation is still testing, is never read.
 * @throws ConfigurationError when it does not exist, holds no text or may not be read; SecretUnavailableError otherwise
 */
export async function fetchSecretText(secretId: string): Promise<string> {
  const { GetSecretValueCommand } = await import('./sdk/secrets-manager.ts');
  const command = new GetSecretValueCommand({ SecretId: secretId, VersionStage: 'AWSCURRENT' });
  const { SecretString } = await (await secretsManager()).send(command).catch((cause: unknown) => {
    throw secretError(cause);
  });
  if (SecretString) return SecretString;
  throw new ConfigurationError(
    'SERVICENOW_SECRET_ID',
    'the secret has no SecretString; store the JSON there',
  );
}

const causes: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'there is no such secret in this account and region',
  AccessDeniedException: 'this function may not read the secret; allow secretsmanager:GetSecretValue on it',
  DecryptionFailure: 'the secret’s KMS key may not be used; allow kms:Decrypt on it',
  InvalidRequestException: 'the secret is scheduled for deletion or has no current version',
};

function secretError(cause: unknown): ConnectorError {
  const name = cause instanceof Error ? cause.name : '';
  const { kind, reason: refusal, advice } = explainFailure(cause, readAction);
  if (kind === 'key-denied' || / by /.test(refusal))
    return new ConfigurationError('SERVICENOW_SECRET_ID', `${refusal}; ${advice}`, { cause });
  const reason = causes[name];
  if (reason) return new ConfigurationError('SERVICENOW_SECRET_ID', reason, { cause });
  // The SDK's own errors, for example without a region, have no name.
  const what = cause instanceof Error && name === 'Error' ? cause.message : name || 'unknown error';
  return new SecretUnavailableError(`Secrets Manager could not be reached (${what})`, { cause });
}
