import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from '../http/exchange.ts';
import type { AuthState } from './auth-state.ts';
import { readBasic } from './basic-header.ts';
import { authorizationCodeGrant } from './grants/authorization-code.ts';
import { clientCredentialsGrant } from './grants/client-credentials.ts';
import type { Grant } from './grants/grant.ts';
import { jwtBearerGrant } from './grants/jwt-bearer.ts';
import { passwordGrant } from './grants/password.ts';
import { refreshTokenGrant } from './grants/refresh-token.ts';
import type { OAuthClient } from './oauth-clients.ts';

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

/** Recorded instances tell no reason; by switch it is told. */
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
