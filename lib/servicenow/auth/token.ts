import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { ConfigurationError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Redactor } from '../../core/redaction.ts';
import type { CallContext } from '../call.ts';
import type { Auth } from '../secret.ts';
import type { Transport } from '../transport/exchange.ts';

/** What a call carries to authenticate: headers with lower-case names. */
export type AuthHeaders = Readonly<Record<string, string>>;

/** Gives the headers of one secret. */
export type Credentials = {
  /** The headers to use now; a token is fetched when there is none yet. @throws ServiceNowError with `sent: false` */
  headers(context: CallContext): Promise<AuthHeaders>;
  /**
   * Headers other than those that were just refused, or undefined when this secret yields no others.
   * ServiceNow issues the same token until it expires, so that the same token again does not count.
   */
  renew(refused: AuthHeaders, context: CallContext): Promise<AuthHeaders | undefined>;
};

/** Where every grant is requested (docs/servicenow-contract.md 7). */
export const tokenPath = '/oauth_token.do';

/** The kinds of `auth` that use `/oauth_token.do`. */
export type OAuth = Extract<Auth, { readonly clientId: string }>;

/** What fetching a token needs besides the secret. */
export type TokenContext = {
  readonly origin: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly redactor: Redactor;
  readonly tokenTimeoutMs: number;
  /** How far the instance's clock is ahead of ours, in milliseconds, by its last `Date` header. */
  readonly skewMs: () => number;
};

/** A token and the moment it expires, on our clock. */
export type Token = { readonly headers: AuthHeaders; readonly expiresAtMs: number };

const setting = 'secret.auth.privateKey';
/** The least that RS256 allows (RFC 7518, 3.3). */
const fewestBits = 2048;

/**
 * Reads the key that assertions are signed with.
 * @throws ConfigurationError for `secret.auth.privateKey`
 */
export function readSigningKey(pem: string): KeyObject {
  const key = parse(pem);
  const bits = Number(key.asymmetricKeyDetails?.modulusLength);
  if (key.asymmetricKeyType === 'rsa' && bits >= fewestBits) return key;
  throw new ConfigurationError(setting, `must be an RSA key of at least ${fewestBits} bits (RS256)`);
}

function parse(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // OpenSSL's message may quote the text, so it is not kept as the cause.
    throw new ConfigurationError(setting, 'must be a private key in PEM form without a passphrase');
  }
}
