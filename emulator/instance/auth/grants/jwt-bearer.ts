import type { JWTPayload } from 'jose';
import type { AuthState } from '../auth-state.ts';
import type { OAuthClient } from '../oauth-clients.ts';
import { type Grant, mayLogIn, scopeFor } from './grant.ts';

const clockSkewS = 300;

/** `assertion`: a JWT with aud = iss = client_id and `sub` naming the user; there is no refresh token. */
export const jwtBearerGrant: Grant = async ({ form, client, secretOk }, auth) => {
  if (!secretOk) return undefined;
  const claims = await verify(form.get('assertion') ?? '', client, auth);
  if (!claims?.sub || isReplay(claims, auth)) return undefined;
  const userName = auth.directory.userNameBy(client.jwt?.userColumn ?? 'user_name', claims.sub);
  if (userName === undefined || !mayLogIn(userName, auth)) return undefined;
  return auth.tokens.issue(client, userName, scopeFor(form, auth), false);
};

async function verify(
  assertion: string,
  client: OAuthClient,
  auth: AuthState,
): Promise<JWTPayload | undefined> {
  if (!client.jwt) return undefined;
  // Loaded by the first assertion: few runs of the instance see one, and its start is held to a limit.
  const { errors, importJWK, jwtVerify } = await import('jose');
  const key = 'kty' in client.jwt.key ? await importJWK(client.jwt.key, 'RS256') : client.jwt.key;
  try {
    const { payload } = await jwtVerify(assertion, key, {
      algorithms: ['RS256'],
      issuer: client.clientId,
      audience: client.clientId,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: clockSkewS,
      currentDate: new Date(auth.now()),
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

function isReplay(claims: JWTPayload, auth: AuthState): boolean {
  if (!auth.switches.jwtReplayCheck || claims.jti === undefined) return false;
  if (auth.seenAssertions.has(claims.jti)) return true;
  auth.seenAssertions.add(claims.jti);
  return false;
}
