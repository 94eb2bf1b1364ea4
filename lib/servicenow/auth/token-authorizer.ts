import { singleFlight } from '../../core/single-flight.ts';
import { waitFor } from '../../core/wait-for.ts';
import type { CallContext } from '../call.ts';
import { NotAuthenticatedError } from '../errors.ts';
import type { Authorizer, Proof } from './authorizer.ts';
import type { OAuth, Token, TokenContext } from './token.ts';

type Kept = Token & { readonly renewAtMs: number };

/** A token is renewed this long before its end, lest it die on the way. */
const renewBeforeMs = 60_000;
/** A call waits this long for the renewal while the token at hand still lives. */
const renewalPatienceMs = 2_000;
/** After a renewal that failed, the living token is used this long before the next try. */
const renewAgainAfterMs = 10_000;

/**
 * Proves by OAuth tokens: fetched on first use, once for everyone who waits, renewed a minute before they end. An outage of
 * the token endpoint in that minute does not stop calls whose token still lives.
 */
export function createTokenAuthorizer(auth: OAuth, context: TokenContext): Authorizer {
  const { clock } = context;
  let token: Kept | undefined;
  const fetchToken = singleFlight(async () => {
    // oauth4webapi and jose are loaded by those alone who use them: a cold start pays for nothing else.
    const { requestToken } = await import('./grant.ts');
    token = keep(await requestToken(auth, context), token, clock.now());
    context.metrics.add('TokenRefreshes');
    return token;
  });
  const fresh = async (call: CallContext) => (await waitFor(fetchToken(), call, clock)).proof;
  const freshOrLiving = async (living: Kept, call: CallContext) => {
    try {
      return await fresh({ ...call, deadline: call.deadline.within(renewalPatienceMs) });
    } catch (error) {
      const isRefused = error instanceof NotAuthenticatedError;
      if (isRefused || call.signal?.aborted || living.expiresAtMs <= clock.now()) throw error;
      context.log.warn('token-kept-on', { correlationId: call.correlationId, reason: String(error) });
      if (token === living) token = { ...living, renewAtMs: clock.now() + renewAgainAfterMs };
      return living.proof;
    }
  };
  return {
    async prove(call) {
      if (!token || token.expiresAtMs <= clock.now()) return fresh(call);
      return token.renewAtMs > clock.now() ? token.proof : freshOrLiving(token, call);
    },
    async renew(refused, call) {
      const current = token?.proof;
      const next = current && isOther(current, refused) ? current : await fresh(call);
      return isOther(next, refused) ? next : undefined;
    },
  };
}

/**
 * ServiceNow hands out the same token until it ends, with what is left of its life. So the same one again is kept to its
 * end, and a short rest is used up to its half: asking more often would bring nothing new.
 *
 *   fetched ─────────────────── renewAt ── 60 s ── expires
 *                                  └─ the same again: renewAt = expires
 */
function keep(token: Token, previous: Token | undefined, nowMs: number): Kept {
  if (previous && !isOther(previous.proof, token.proof)) return { ...token, renewAtMs: token.expiresAtMs };
  const halfLifeMs = (token.expiresAtMs - nowMs) / 2;
  return { ...token, renewAtMs: Math.max(token.expiresAtMs - renewBeforeMs, nowMs + halfLifeMs) };
}

function isOther(a: Proof, b: Proof): boolean {
  return a.headers['authorization'] !== b.headers['authorization'];
}
