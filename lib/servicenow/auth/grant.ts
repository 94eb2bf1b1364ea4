import * as oauth from 'oauth4webapi';
import { classifyAnswer } from '../classify/answer.ts';
import { type ClassifiedCall, classifyTransportError, describeCall, failureOf } from '../classify/failure.ts';
import { AnswerLostError, NotAuthenticatedError, NotServiceNowError } from '../errors.ts';
import { ServiceNowError } from '../service-now-error.ts';
import { TransportError } from '../transport/exchange.ts';
import { type OAuth, type Token, type TokenContext, tokenPath } from './token.ts';

/** Fetching a token sends nothing of the call that it is for, so that any call may be tried again afterwards. */
const tokenCall: ClassifiedCall = { method: 'POST', path: tokenPath, repeatable: 'never', sent: false };
/** A JWT made with a clock this far off may be refused for it. ServiceNow tolerates 300 s (docs/servicenow-contract.md 7). */
const relevantSkewMs = 30_000;
/** ServiceNow's own default, for a token whose answer does not say how long it lives (docs/servicenow-contract.md 7). */
const defaultLifeSeconds = 1800;

/**
 * Gets a token by the secret's grant (docs/servicenow-contract.md 7).
 * @throws NotAuthenticatedError when the instance refuses the grant; any other ServiceNowError for outages
 */
export async function requestToken(auth: OAuth, context: TokenContext): Promise<Token> {
  const skewMs = context.skewMs();
  try {
    return await requestOnce(auth, context);
  } catch (error) {
    // The refusal's own Date header may have shown the skew: sign once more with the right time.
    const learned = Math.abs(context.skewMs() - skewMs) > relevantSkewMs;
    if (auth.type === 'oauth-jwt-bearer' && learned && error instanceof NotAuthenticatedError) {
      return requestOnce(auth, context);
    }
    throw error;
  }
}

async function requestOnce(auth: OAuth, context: TokenContext): Promise<Token> {
  const server = { issuer: context.origin, token_endpoint: `${context.origin}${tokenPath}` };
  const client = { client_id: auth.clientId };
  const [grantType, parameters] = await grantOf(auth, context);
  const response = await oauth.genericTokenEndpointRequest(
    server,
    client,
    oauth.ClientSecretPost(auth.clientSecret),
    grantType,
    { ...parameters, ...(auth.scope ? { scope: auth.scope } : {}) },
    {
      [oauth.customFetch]: (_url, { body }) => post(String(body), context),
      // Whether http is allowed was decided where the instance URL was checked.
      [oauth.allowInsecureRequests]: true,
    },
  );
  const answer = await readToken(() => oauth.processGenericTokenEndpointResponse(server, client, response));
  context.redactor.protect(answer.access_token, answer.refresh_token);
  const lifeMs = (answer.expires_in ?? defaultLifeSeconds) * 1000;
  const headers = { authorization: `Bearer ${answer.access_token}` };
  return { headers, expiresAtMs: context.clock.now() + lifeMs };
}

/** The error that oauth4webapi throws at an answer without a token holds that answer, so it is not kept as the cause. */
async function readToken<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be read';
    const message = `${describeCall(tokenCall)}: the answer is not from an OAuth token endpoint: ${reason}`;
    throw new AnswerLostError(message, failureOf(tokenCall, undefined));
  }
}

type Grant = readonly [grantType: string, parameters: Record<string, string>];

async function grantOf(auth: OAuth, context: TokenContext): Promise<Grant> {
  switch (auth.type) {
    case 'oauth-client-credentials':
      return ['client_credentials', {}];
    case 'oauth-password':
      return ['password', { username: auth.username, password: auth.password }];
    case 'oauth-refresh-token':
      return ['refresh_token', { refresh_token: auth.refreshToken }];
    case 'oauth-jwt-bearer': {
      const { signAssertion } = await import('./assertion.ts');
      const assertion = await signAssertion(auth, context.clock.now() + context.skewMs());
      return ['urn:ietf:params:oauth:grant-type:jwt-bearer', { assertion }];
    }
  }
}

/** Sends oauth4webapi's request over our own sockets, with their proxy, certificates and address rules. */
async function post(body: string, context: TokenContext): Promise<Response> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  const request = {
    method: 'POST',
    path: tokenPath,
    headers,
    body,
    timeoutMs: context.tokenTimeoutMs,
  } as const;
  try {
    const answer = classifyAnswer(tokenCall, await context.transport.exchange(request), context.clock.now());
    return Response.json(answer.body, { status: answer.status });
  } catch (error) {
    if (error instanceof TransportError) throw classifyTransportError(tokenCall, error);
    throw error instanceof ServiceNowError ? asTokenError(error) : error;
  }
}

/**
 * A refusal of the token is not one of the call that it is for: a 404 here says nothing about a record.
 * OAuth servers answer 400 `invalid_client` or `invalid_grant` where ServiceNow's own captures show 401.
 */
function asTokenError(error: ServiceNowError): ServiceNowError {
  const { status = 0, headers, body, message } = error;
  // What concerns the instance, or passes by itself, means the same wherever it comes from.
  if (status < 400 || status >= 500 || error.scope === 'instance' || error.retryable) return error;
  const failure = failureOf(tokenCall, { status, headers, body });
  if (status === 400 || status === 403) return new NotAuthenticatedError(message, failure);
  return new NotServiceNowError(
    `${message}; check the instance URL, and that OAuth is active on the instance`,
    failure,
  );
}
