import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Redactor } from '../../core/redaction.ts';
import { singleFlight } from '../../core/single-flight.ts';
import { waitFor } from '../../core/wait-for.ts';
import type { CallContext } from '../request.ts';
import type { Transport } from '../transport/exchange.ts';
import type { Authorizer, Proof } from './authorizer.ts';
import type { OAuth } from './grant.ts';

/** What fetching a token needs beside the secret. */
export type TokenContext = {
  readonly origin: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly redactor: Redactor;
  readonly tokenTimeoutMs: number;
  /** How far the instance's clock is ahead of ours, in milliseconds, as its last `Date` header told. */
  readonly skewMs: () => number;
};

/** A token and the moment it ends, on our clock. */
export type Token = { readonly proof: Proof; readonly expiresAtMs: number };

/** A token this close to its end is not used any more: it would die on the way. */
const renewBeforeMs = 60_000;

/** Proves by OAuth tokens: fetched on first use, once for everyone who waits, renewed a minute before they end. */
export function createTokenAuthorizer(auth: OAuth, context: TokenContext): Authorizer {
  const { clock } = context;
  let token: Token | undefined;
  const fetchToken = singleFlight(async () => {
    // oauth4webapi and jose are loaded by those alone who use them: a cold start pays for nothing else.
    const { requestToken } = await import('./grant.ts');
    token = await requestToken(auth, context);
    context.metrics.add('TokenRefreshes');
    return token;
  });
  const fresh = async (call: CallContext) => (await waitFor(fetchToken(), call, clock)).proof;
  return {
    async prove(call) {
      const usable = token && token.expiresAtMs - renewBeforeMs > clock.now();
      return token && usable ? token.proof : fresh(call);
    },
    async renew(refused, call) {
      const current = token?.proof;
      const next = current && isOther(current, refused) ? current : await fresh(call);
      return isOther(next, refused) ? next : undefined;
    },
  };
}

function isOther(a: Proof, b: Proof): boolean {
  return a.headers['authorization'] !== b.headers['authorization'];
}
