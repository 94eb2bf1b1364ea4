import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { authenticate } from '../auth/authenticate.ts';
import { answerAuthorizationRequest } from '../auth/authorize-endpoint.ts';
import { answerTokenRequest } from '../auth/token-endpoint.ts';
import type { InstanceState } from '../state.ts';
import { drawSysId } from '../store/identifiers.ts';
import { RecordRefused } from '../store/refusals.ts';
import { readBody } from './body.ts';
import type { Answer, Exchange } from './exchange.ts';
import { Failure, noSuchResource } from './failure.ts';
import { standardHeaders } from './headers.ts';
import { parseApiPath } from './path.ts';
import { respond } from './respond.ts';
import type { Router } from './router.ts';

export type TlsOptions = { readonly cert: string; readonly key: string; readonly ca?: string };

/** The HTTP side of an instance; not listening yet. */
export function createInstanceServer(state: InstanceState, tls: TlsOptions | undefined): Server {
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response, state).catch((cause: unknown) => {
      response.destroy(cause instanceof Error ? cause : new Error(String(cause)));
    });
  };
  const options = { keepAliveTimeout: 20_000 };
  return tls ? createTlsServer({ ...options, ...tls }, listener) : createServer(options, listener);
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  state: InstanceState,
): Promise<void> {
  const transactionId = drawSysId(state.random).slice(0, 12);
  const answer = await answerOf(() => work(request, state));
  const loggedIn = answer.status === 401 ? undefined : true;
  respond(request, response, answer, standardHeaders(state.random, transactionId, loggedIn));
}

async function work(request: IncomingMessage, state: InstanceState): Promise<Answer> {
  const url = new URL(request.url ?? '/', originOf(request));
  const logIn = await answerLogIn(request, url, state);
  if (logIn) return logIn;
  const user = authenticate({ headers: request.headers, url }, state.auth);
  const body = await readBody(request, state.switches.maxContentLengthBytes);
  const path = parseApiPath(url.pathname);
  if (!path) throw noSuchResource();
  return state.dispatch({ method: methodOf(request), ...path, url, headers: request.headers, body, user });
}

/** The pages under which a client gets its tokens; everything else needs somebody logged in. */
async function answerLogIn(
  request: IncomingMessage,
  url: URL,
  state: InstanceState,
): Promise<Answer | undefined> {
  const { headers, method = 'GET' } = request;
  if (url.pathname === '/oauth_auth.do') return answerAuthorizationRequest({ url, headers }, state.auth);
  if (url.pathname !== '/oauth_token.do') return undefined;
  const body = await readBody(request, state.switches.maxContentLengthBytes);
  return answerTokenRequest({ method, headers, body }, state.auth);
}

/** Runs the action; what it throws becomes the answer that an instance would give. */
export async function answerOf(run: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof Failure) return cause.toAnswer();
    if (cause instanceof RecordRefused) return new Failure(403, 'Operation Failed', cause.message).toAnswer();
    throw cause;
  }
}

/** The action for an exchange, run, with its failures turned into answers. */
export const dispatchTo = (router: Router) => (exchange: Exchange, state: InstanceState) =>
  answerOf(() => router.find(exchange.method, exchange.segments)(exchange, state));

/** The method, or the one that `X-http-method-override` puts in place of POST. */
function methodOf(request: IncomingMessage): string {
  const override = request.headers['x-http-method-override'];
  return request.method === 'POST' && typeof override === 'string'
    ? override.toUpperCase()
    : (request.method ?? 'GET');
}

const originOf = (request: IncomingMessage) =>
  `${'encrypted' in request.socket ? 'https' : 'http'}://${request.headers.host ?? 'localhost'}`;
