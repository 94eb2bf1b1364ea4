import type { IncomingHttpHeaders } from 'node:http';
import type { User } from '../http/exchange.ts';
import { Failure, notAuthenticated } from '../http/failure.ts';
import type { AuthState } from './auth-state.ts';
import type { Person } from './directory.ts';

/** User name and password of an `Authorization: Basic` header; undefined when it is none. */
export function readBasic(
  authorization: string | undefined,
): { userName: string; password: string } | undefined {
  const encoded = /^basic +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { userName: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * The person whose password this is, if he may log in now. Wrong passwords count, and lock the account out when the
 * switch says so; from then on the right one is refused too.
 */
export function checkPassword(userName: string, password: string, auth: AuthState): Person | undefined {
  const person = auth.directory.find(userName);
  if (!person?.active || person.lockedOut) return undefined;
  if (auth.directory.isPassword(person, password)) {
    auth.accounts.noteSuccess(userName);
    return person;
  }
  const limit = auth.switches.lockAfterFailures;
  if (auth.accounts.noteFailure(userName) >= limit && limit > 0) auth.directory.lock(person.sysId);
  return undefined;
}

const prefix = 'glide.authenticate.basic_auth.restriction.';
const role = 'snc_basic_auth_api_access';

/** The properties of the restriction as an instance ships them: off. */
export const shippedRestriction: readonly (readonly [name: string, value: string])[] = [
  [`${prefix}active`, 'false'],
  [`${prefix}enforce`, 'false'],
  [`${prefix}enforcement_date`, ''],
  [`${prefix}allowed_users`, ''],
];

/**
 * Whether a user may not log in with Basic: once it is restricted, by the properties or by switch, only the holders of a
 * role and the users that a property lists may come with a password.
 */
function isClosedToBasic(person: Person, auth: AuthState): boolean {
  if (!auth.switches.basicAuthRestricted && !isEnforced(auth)) return false;
  const allowed = auth.properties.value(`${prefix}allowed_users`).split(',');
  return !person.roles.has(role) && !allowed.some((name) => name.trim() === person.userName);
}

/** From its date on, when it has one. */
function isEnforced({ properties, now }: AuthState): boolean {
  const isOn = (name: string) => properties.value(prefix + name) === 'true';
  if (!isOn('active') || !isOn('enforce')) return false;
  const date = properties.value(`${prefix}enforcement_date`);
  const fromMs = date === '' ? 0 : Date.parse(`${date.replace(' ', 'T')}Z`);
  return !Number.isNaN(fromMs) && now() >= fromMs;
}

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
 * Who sent the request: bearer token, API key, client certificate, Basic or session, whichever comes
 * first in this order. The Ansible collection sends a certificate with the Basic credentials `None:None`.
 *
 * @throws Failure 401 as ServiceNow words it for anything missing or wrong, 403 for a token without scope.
 */
export function authenticate(credentials: Credentials, auth: AuthState): User {
  const userName =
    byBearer(credentials, auth) ??
    byApiKey(credentials, auth) ??
    byCertificate(credentials, auth) ??
    byBasic(credentials, auth) ??
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
