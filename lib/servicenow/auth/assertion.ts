import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Auth } from '../connection-secret.ts';
import { readSigningKey } from './signing-key.ts';

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
    .sign(readSigningKey(auth.privateKey));
}
