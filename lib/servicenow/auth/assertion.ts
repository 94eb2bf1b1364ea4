import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Auth } from '../secret.ts';
import { readSigningKey } from './token.ts';

const assertionLifeSeconds = 240;

/**
 * Signs the assertion of the JWT bearer grant: audience and issuer are the client id (docs/servicenow-contract.md 7).
 * @param serverNowMs the instance's time, not ours
 */
export async function signAssertion(
  auth: Extract<Auth, { readonly type: 'oauth-jwt-bearer' }>,
  serverNowMs: number,
): Promise<string> {
  const issuedAt = Math.floor(serverNowMs / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: 'RS256', kid: auth.keyId, typ: 'JWT' })
    .setIssuer(auth.clientId)
    .setAudience(auth.clientId)
    .setSubject(auth.sub)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + assertionLifeSeconds)
    .setJti(randomUUID())
    .sign(readSigningKey(auth.privateKey));
}
