import type { IncomingHttpHeaders } from 'node:http';
import type { JWTPayload } from 'jose';
import type { Answer } from '../http/exchange.ts';
import { Failure, notAuthenticated } from '../http/failure.ts';
import type { AuthState } from './auth-state.ts';
import { checkPassword, readBasic } from './authenticate.ts';
import { answersChallenge, type OAuthClient, type TokenAnswer } from './tokens.ts';

/** A token request: the form's fields, and the application that asks. */
type GrantRequest = {
  readonly form: URLSearchParams;
  readonly client: OAuthClient;
  /** The client authenticated with its secret, rather than only naming itself. */
  readonly secretOk: boolean;
};

/** Answers a token request, or undefined for the one refusal that ServiceNow has for everything. */
export type Grant = (
  request: GrantRequest,
  auth: AuthState,
) => TokenAnswer | undefined | Promise<TokenAnswer | undefined>;

/** The scope a token gets: `useraccount`, unless the switch wants it asked for. */
function scopeFor(form: URLSearchParams, auth: AuthState): string {
  const asked = form.get('scope');
  if (asked) return asked;
  return auth.switches.oauthScopeOnlyWhenAsked ? '' : 'useraccount';
}

/** Whether a user of that user_name exists, is active and is not locked out. */
function mayLogIn(userName: string, auth: AuthState): boolean {
  const person = auth.directory.find(userName);
  return person?.active === true && !person.lockedOut;
}

/** `username`, `password`: the resource owner's own credentials. */
const passwordGrant: Grant = ({ form, client, secretOk }, auth) => {
  if (!secretOk) return undefined;
  const account = checkPassword(form.get('username') ?? '', form.get('password') ?? '', auth);
  return account && auth.tokens.issue(client, account.userName, scopeFor(form, auth), true);
};

/** `refresh_token`: the scope of the first grant stays. */
const refreshTokenGrant: Grant = ({ form, client, secretOk }, auth) => {
  if (!secretOk) return undefined;
  const holder = auth.tokens.refresh(form.get('refresh_token') ?? '', client.clientId);
  if (!holder || !mayLogIn(holder.userName, auth)) return undefined;
  return auth.tokens.issue(client, holder.userName, holder.scope, auth.switches.refreshEchoesRefreshToken);
};

/** The application acts as its OAuth Application User; there is no refresh token. */
const clientCredentialsGrant: Grant = ({ form, client, secretOk }, auth) => {
  const userName = client.applicationUser;
  if (!secretOk || !auth.switches.clientCredentialsEnabled || userName === undefined) return undefined;
  if (!mayLogIn(userName, auth)) return undefined;
  return auth.tokens.issue(client, userName, scopeFor(form, auth), false);
};

/** `code`, `redirect_uri`, and the client's secret or, with PKCE, `code_verifier`. */
const authorizationCodeGrant: Grant = ({ form, client, secretOk }, auth) => {
  const code = auth.codes.spend(
    form.get('code') ?? '',
    client.clientId,
    form.get('redirect_uri') ?? undefined,
  );
  if (!code || !mayLogIn(code.userName, auth)) return undefined;
  if (!answersChallenge(code, form.get('code_verifier') ?? undefined)) return undefined;
  if (!secretOk && code.challenge === undefined) return undefined;
  return auth.tokens.issue(client, code.userName, code.scope, true);
};

const clockSkewS = 300;

/** `assertion`: a JWT with aud = iss = client_id and `sub` naming the user; there is no refresh token. */
const jwtBearerGrant: Grant = async ({ form, client, secretOk }, auth) => {
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

const grants: ReadonlyMap<string, Grant> = new Map([
  ['password', passwordGrant],
  ['refresh_token', refreshTokenGrant],
  ['client_credentials', clientCredentialsGrant],
  ['authorization_code', authorizationCodeGrant],
  ['urn:ietf:params:oauth:grant-type:jwt-bearer', jwtBearerGrant],
]);

/** The answer recorded for a bad user, a bad secret and a dead refresh token alike. */
const accessDenied: Answer = {
  status: 401,
  json: { error_description: 'access_denied', error: 'server_error' },
};

/** `POST /oauth_token.do`: a form in the body and nowhere else. */
export async function answerTokenRequest(
  request: { readonly method: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer },
  auth: AuthState,
): Promise<Answer> {
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  if (request.method !== 'POST' || !isForm) return refusal('invalid_request', auth);
  const form = new URLSearchParams(request.body.toString());
  const identified = identify(form, request.headers.authorization, auth);
  const grant = grants.get(form.get('grant_type') ?? '');
  if (!identified) return refusal('invalid_client', auth);
  if (!grant) return refusal('unsupported_grant_type', auth);
  const tokens = await grant({ form, ...identified }, auth);
  return tokens ? { status: 200, json: tokens } : refusal('invalid_grant', auth);
}

/** Recorded instances give no reason; a switch makes this one give it. */
function refusal(error: string, { switches }: AuthState): Answer {
  if (!switches.oauthErrorsByRfc) return accessDenied;
  return {
    status: error === 'invalid_client' ? 401 : 400,
    json: { error_description: 'access_denied', error },
  };
}

/** The application by its fields in the form, or by HTTP Basic as RFC 6749 allows too. */
function identify(
  form: URLSearchParams,
  authorization: string | undefined,
  auth: AuthState,
): { client: OAuthClient; secretOk: boolean } | undefined {
  const basic = readBasic(authorization);
  const client = auth.clients.find(form.get('client_id') ?? basic?.userName);
  const secret = form.get('client_secret') ?? basic?.password;
  if (!client || (secret !== undefined && secret !== client.clientSecret)) return undefined;
  return { client, secretOk: secret !== undefined };
}

/**
 * `GET /oauth_auth.do?response_type=code&client_id=…&redirect_uri=…[&state&code_challenge&code_challenge_method]`.
 * On an instance a person logs in and consents; here the Basic header is the log-in, and consent is given.
 *
 * @throws Failure 401 without a log-in, 400 for an unknown application or redirect URI.
 */
export function answerAuthorizationRequest(
  request: { readonly url: URL; readonly headers: IncomingHttpHeaders },
  auth: AuthState,
): Answer {
  const parameters = request.url.searchParams;
  const basic = readBasic(request.headers.authorization);
  const account = basic && checkPassword(basic.userName, basic.password, auth);
  if (!account) throw notAuthenticated();
  const { clientId, redirectUri } = knownRedirect(parameters, auth);
  const challenge = parameters.get('code_challenge');
  const code = auth.codes.issue({
    clientId,
    redirectUri,
    userName: account.userName,
    scope: parameters.get('scope') ?? 'useraccount',
    ...(challenge === null
      ? {}
      : { challenge, challengeMethod: parameters.get('code_challenge_method') ?? 'plain' }),
  });
  return { status: 302, headers: { Location: withCode(redirectUri, code, parameters.get('state')) } };
}

function knownRedirect(parameters: URLSearchParams, auth: AuthState) {
  const client = auth.clients.find(parameters.get('client_id') ?? undefined);
  const redirectUri = parameters.get('redirect_uri') ?? client?.redirectUris?.[0];
  const known = redirectUri !== undefined && client?.redirectUris?.includes(redirectUri);
  if (!client || !known || parameters.get('response_type') !== 'code') {
    throw new Failure(
      400,
      'Invalid authorization request',
      'Unknown client_id, redirect_uri or response_type',
    );
  }
  return { clientId: client.clientId, redirectUri };
}

function withCode(redirectUri: string, code: string, state: string | null): string {
  const target = new URL(redirectUri);
  target.searchParams.set('code', code);
  if (state !== null) target.searchParams.set('state', state);
  return target.href;
}
