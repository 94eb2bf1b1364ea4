import type { Auth } from '../connection-secret.ts';
import { type Authorizer, fixedProof } from './authorizer.ts';
import { readSigningKey } from './signing-key.ts';
import type { TokenContext } from './token.ts';
import { createTokenAuthorizer } from './token-authorizer.ts';

/**
 * The way a secret's `auth` proves who we are; none means by client certificate alone.
 * @throws ConfigurationError when it holds a key that cannot sign
 */
export function createAuthorizer(auth: Auth | undefined, context: TokenContext): Authorizer {
  if (!auth) return fixedProof({});
  if (auth.type === 'basic') return fixedProof({ authorization: basicHeader(auth.username, auth.password) });
  if (auth.type === 'api-key') return fixedProof({ 'x-sn-apikey': auth.apiKey });
  if (auth.type === 'oauth-jwt-bearer') readSigningKey(auth.privateKey);
  return createTokenAuthorizer(auth, context);
}

function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
