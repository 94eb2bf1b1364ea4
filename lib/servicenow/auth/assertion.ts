import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { ConfigurationError } from '../../core/errors.ts';
import type { Auth } from '../connection-secret.ts';

type JwtBearer = Extract<Auth, { readonly type: 'oauth-jwt-bearer' }>;

const lifeSeconds = 240;

/**
 * Signs the assertion of the JWT bearer grant: audience and issuer are the client id (contract 7).
 * @param serverNowMs the instance's time, not ours
 * @throws ConfigurationError for `secret.auth.privateKey`
 */
export async function signAssertion(auth: JwtBearer, serverNowMs: number): Promise<string> {
  const issuedAt = Math.floor(serverNowMs / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: 'RS256', kid: auth.keyId, typ: 'JWT' })
    .setIssuer(auth.clientId)
    .setAudience(auth.clientId)
    .setSubject(auth.sub)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifeSeconds)
    .setJti(randomUUID())
    .sign(readKey(auth.privateKey));
}

function readKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // OpenSSL's message may quote the text, so it is not kept as the cause.
    throw new ConfigurationError('secret.auth.privateKey', 'is not a private key in PEM form');
  }
  throw new ConfigurationError('secret.auth.privateKey', 'must be an RSA key (RS256)');
}
