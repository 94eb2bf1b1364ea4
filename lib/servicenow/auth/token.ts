import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Redactor } from '../../core/redaction.ts';
import type { Auth } from '../connection-secret.ts';
import type { Transport } from '../transport/exchange.ts';
import type { Proof } from './authorizer.ts';

/** Where every grant is asked for (contract 7). */
export const tokenPath = '/oauth_token.do';

/** The kinds of `auth` that go through `/oauth_token.do`. */
export type OAuth = Extract<Auth, { readonly clientId: string }>;

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
