import { tmpdir } from 'node:os';
import { typed } from './typed.ts';

/** What an AWS SDK error means to a person at a terminal, by its name. */
const awsErrors: Readonly<Record<string, string>> = {
  CredentialsProviderError:
    'No AWS credentials were found. Sign in (e.g. aws sso login) and set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  ExpiredToken: 'The AWS credentials have expired; sign in again',
  ExpiredTokenException: 'The AWS credentials have expired; sign in again',
  InvalidClientTokenId: 'AWS does not know these credentials; sign in again, or set AWS_PROFILE',
  UnrecognizedClientException: 'AWS does not know these credentials; sign in again, or set AWS_PROFILE',
};

const noRegion = 'No AWS region is set. Set AWS_REGION, AWS_DEFAULT_REGION or the region of your AWS profile';

/** Errors of the file system, by their code. */
const systemErrors: Readonly<Record<string, (subject: string) => string>> = {
  ENOENT: (path) => `${path}: no such file`,
  EACCES: (path) => `${path}: permission denied`,
  EPERM: (path) => `${path}: not permitted`,
  EISDIR: (path) => `${path}: is a folder; a file is needed`,
  ENOTDIR: (path) => `${path}: a part of this path is not a folder`,
  ELOOP: (path) => `${path}: symbolic links lead in a circle`,
  ENAMETOOLONG: (path) => `${path.slice(0, 60)}…: is too long for the name of a file`,
  EROFS: (path) => `${path}: the file system is read-only`,
};

/** An error as one line for a person: what is wrong and, where it is known, what to do. `SNF_DEBUG=1` shows the stack trace. */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (process.env['SNF_DEBUG'] === '1') return error.stack ?? error.message;
  if (error.message === 'Region is missing') return noRegion;
  if (error.message === 'fetch failed' && error.cause instanceof Error)
    return systemError(error.cause) ?? `${error.message}: ${error.cause.message}`;
  const known = awsErrors[error.name] ?? systemError(error);
  if (known !== undefined) return known;
  const [only, ...more] = error instanceof AggregateError ? error.errors : [];
  if (more.length > 0 || only !== undefined) return explainError(only);
  return error.message || error.name;
}

function systemError(error: Error): string | undefined {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ERR_INVALID_URL' && 'input' in error) {
    const [name = String(error.input)] =
      Object.entries(process.env).find(([, value]) => value === error.input) ?? [];
    return `${name}: is not a URL`;
  }
  if (code === 'ENOSPC') return 'There is no space left on the disk';
  if ('syscall' in error && error.syscall === 'mkdtemp')
    return `TMPDIR: no folder can be made in ${tmpdir()} (${code}); set TMPDIR to one that can be written to`;
  if (code === 'ECONNREFUSED')
    return `Nothing answers (${error.message}). Is the local stack running? Start it with ${typed('start')}`;
  return 'path' in error ? systemErrors[code]?.(String(error.path)) : undefined;
}
