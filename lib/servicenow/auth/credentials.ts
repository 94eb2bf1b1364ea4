import { singleFlight, waitFor } from '../../core/shared-work.ts';
import type { CallContext } from '../call.ts';
import { NotAuthenticatedError } from '../errors.ts';
import type { Auth } from '../secret.ts';
import type { AuthHeaders, Credentials, OAuth, Token, TokenContext } from './token.ts';
import { readSigningKey } from './token.ts';

/**
 * The credentials of a secret's `auth`; without one, those of the client certificate alone.
 * @throws ConfigurationError when it holds a key that cannot sign
 */
export function createCredentials(auth: Auth | undefined, context: TokenContext): Credentials {
  if (!auth) return fixedCredentials({});
  if (auth.type === 'basic') return fixedCredentials({ authorization: basicHeader(auth) });
  if (auth.type === 'api-key') return fixedCredentials({ 'x-sn-apikey': auth.apiKey });
  if (auth.type === 'oauth-jwt-bearer') readSigningKey(auth.privateKey);
  return tokenCredentials(auth, context);
}

/** Headers that never change: user and password, an API key, or a client certificate alone. */
function fixedCredentials(headers: AuthHeaders): Credentials {
  return { headers: async () => headers, renew: async () => undefined };
}

function basicHeader({ username, password }: Extract<Auth, { readonly type: 'basic' }>): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

type KeptToken = Token & { readonly renewAtMs: number };

/** A token is renewed this long before it expires, so that it does not expire on the way. */
const renewBeforeMs = 60_000;
/** How long a call waits for the renewal while the token it has is still valid. */
const renewalWaitMs = 2_000;
/** After a failed renewal, the token that is still valid is used for this long before the next attempt. */
const renewAgainAfterMs = 10_000;

/**
 * OAuth tokens: fetched on first use, once for all calls that wait, and renewed a minute before they expire. An outage of the
 * token endpoint in that minute does not stop calls whose token is still valid.
 */
function tokenCredentials(auth: OAuth, context: TokenContext): Credentials {
  const { clock } = context;
  let token: KeptToken | undefined;
  const fetchToken = singleFlight(async () => {
    // oauth4webapi and jose are loaded only where they are used, so that other cold starts do not pay for them.
    const { requestToken } = await import('./grant.ts');
    token = keep(await requestToken(auth, context), token, clock.now());
    context.metrics.add('TokenRefreshes');
    return token;
  });
  const fetched = async (call: CallContext) => (await waitFor(fetchToken(), call, clock)).headers;
  const fetchedOrValid = async (valid: KeptToken, call: CallContext) => {
    try {
      return await fetched({ ...call, deadline: call.deadline.within(renewalWaitMs) });
    } catch (error) {
      const isRefused = error instanceof NotAuthenticatedError;
      if (isRefused || call.signal?.aborted || valid.expiresAtMs <= clock.now()) throw error;
      context.log.warn('token-renewal-failed', { correlationId: call.correlationId, reason: String(error) });
      // By now another call may have fetched a newer token, which must stay.
      if (token === valid) token = { ...valid, renewAtMs: clock.now() + renewAgainAfterMs };
      return valid.headers;
    }
  };
  return {
    async headers(call) {
      if (!token || token.expiresAtMs <= clock.now()) return fetched(call);
      return token.renewAtMs > clock.now() ? token.headers : fetchedOrValid(token, call);
    },
    async renew(refused, call) {
      const current = token?.headers;
      const next = current && isOther(current, refused) ? current : await fetched(call);
      return isOther(next, refused) ? next : undefined;
    },
  };
}

/**
 * ServiceNow issues the same token until it expires, with the rest of its life in `expires_in`. So when the same token comes
 * again it is kept to its end, and a short rest is used up to its half: asking more often would bring nothing new.
 *
 *   fetched ─────────────────── renewAt ── 60 s ── expires
 *                                  └─ the same again: renewAt = expires
 */
function keep(token: Token, previous: Token | undefined, nowMs: number): KeptToken {
  if (previous && !isOther(previous.headers, token.headers))
    return { ...token, renewAtMs: token.expiresAtMs };
  const halfLifeMs = (token.expiresAtMs - nowMs) / 2;
  return { ...token, renewAtMs: Math.max(token.expiresAtMs - renewBeforeMs, nowMs + halfLifeMs) };
}

function isOther(a: AuthHeaders, b: AuthHeaders): boolean {
  return a['authorization'] !== b['authorization'];
}
