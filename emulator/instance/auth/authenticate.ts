import type { IncomingHttpHeaders } from 'node:http';
import type { User } from '../http/exchange.ts';
import { Failure, notAuthenticated } from '../http/failure.ts';
import type { AuthState } from './auth-state.ts';
import { readBasic } from './basic-header.ts';
import { isClosedToBasic } from './basic-restriction.ts';
import { checkPassword } from './check-password.ts';

/** What a request brings to prove who sent it. */
export type Credentials = {
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  /** Common name of a client certificate that the TLS layer has verified. */
  readonly certificateCommonName?: string | undefined;
  /** Whose session the request's cookies continue. */
  readonly sessionUserName?: string | undefined;
};

/**
 * Who sent the request: bearer token, API key, Basic, client certificate or session, whichever comes
 * first in this order.
 *
 * @throws Failure 401 as ServiceNow words it for anything missing or wrong, 403 for a token without scope.
 */
export function authenticate(credentials: Credentials, auth: AuthState): User {
  const userName =
    byBearer(credentials, auth) ??
    byApiKey(credentials, auth) ??
    byBasic(credentials, auth) ??
    byCertificate(credentials, auth) ??
    credentials.sessionUserName;
  const person = userName === undefined ? undefined : auth.directory.find(userName);
  if (!person?.active || person.lockedOut) throw notAuthenticated();
  return person;
}

function byBearer({ headers }: Credentials, auth: AuthState): string | undefined {
  const token = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (token === undefined) return undefined;
  const access = auth.tokens.access(token);
  if (!access) throw notAuthenticated();
  if (!access.scope.split(' ').includes('useraccount')) {
    throw new Failure(403, 'Access to unscoped api is not allowed');
  }
  return access.userName;
}

function byApiKey({ headers, url }: Credentials, auth: AuthState): string | undefined {
  const header = headers['x-sn-apikey'];
  const key = typeof header === 'string' ? header : url.searchParams.get(auth.switches.apiKeyParameter);
  if (key === null) return undefined;
  const account = auth.accounts.byApiKey(key);
  if (!account) throw notAuthenticated();
  return account.userName;
}

function byBasic({ headers }: Credentials, auth: AuthState): string | undefined {
  const basic = readBasic(headers.authorization);
  if (!basic) return undefined;
  const person = checkPassword(basic.userName, basic.password, auth);
  if (!person) throw notAuthenticated();
  if (isClosedToBasic(person, auth)) throw notAuthenticated();
  const mfaToken = auth.accounts.find(person.userName)?.mfaToken;
  if (mfaToken !== undefined && headers['x-mfa_token'] !== mfaToken) throw mfaTokenInvalid();
  return person.userName;
}

function byCertificate({ certificateCommonName: name }: Credentials, auth: AuthState): string | undefined {
  return name === undefined ? undefined : auth.accounts.byCertificate(name)?.userName;
}

function mfaTokenInvalid(): Failure {
  const plain = notAuthenticated();
  return new Failure(401, plain.message, plain.detail, { ...plain.headers, 'X-MFA_TOKEN': 'invalid' });
}
