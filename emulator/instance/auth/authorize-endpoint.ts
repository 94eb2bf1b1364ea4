import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from '../http/exchange.ts';
import { Failure, notAuthenticated } from '../http/failure.ts';
import type { AuthState } from './auth-state.ts';
import { readBasic } from './basic-header.ts';
import { checkPassword } from './check-password.ts';

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
