import { unescape as decodePercent } from 'node:querystring';
import type { Redactor } from '../core/redaction.ts';
import type { ConnectionSecret } from './connection-secret.ts';

/** Fields of `auth` that are no secret: they name somebody. */
const openFields = new Set(['type', 'username', 'clientId', 'sub', 'keyId', 'scope']);

/** Lets the redactor know all that is secret in a secret. */
export function protectSecret({ auth, tls }: ConnectionSecret, redactor: Redactor): void {
  for (const [field, value] of Object.entries(auth ?? {})) {
    if (!openFields.has(field)) redactor.protect(value);
  }
  if (auth?.type === 'basic') redactor.protect(`${auth.username}:${auth.password}`);
  if (auth?.type === 'oauth-jwt-bearer') redactor.protect(...keyLines(auth.privateKey));
  redactor.protect(tls?.key, tls?.passphrase, ...keyLines(tls?.key ?? ''));
}

/** Lets the redactor know the password inside a proxy's URL, or the token in its place, as it is written and as it is meant. */
export function protectProxy(proxyUrl: string, redactor: Redactor): void {
  const { username = '', password = '' } = URL.parse(proxyUrl) ?? {};
  const secret = password || username;
  if (secret) redactor.protect(secret, decodePercent(secret));
}

/** A key that is printed in part is printed by its lines. */
function keyLines(pem: string): string[] {
  return pem.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('-----'));
}
