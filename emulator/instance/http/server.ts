import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { InstanceState } from '../state.ts';
import { answerOf } from './answer-of.ts';
import type { Answer, Exchange } from './exchange.ts';
import { isTrue } from './flag.ts';
import { jsonOf } from './respond.ts';
import type { Router } from './router.ts';
import { isControlRequest, serve, serveControl } from './serve.ts';

/** PEM texts. With `ca`, client certificates are asked for, and those it signed are believed. */
export type TlsOptions = { readonly cert: string; readonly key: string; readonly ca?: string };

/** An import of node:http would load the client's undici with it, a tenth of an instance's start. */
const http = process.getBuiltinModule('node:http');

/** Far above what any URL may be long (`maxUrlBytes`), so that the instance itself refuses it. */
const maxHeaderBytes = 1_048_576;

/** The HTTP side of an instance; not listening yet. `control` serves `/__emulator/` to this machine. */
export function createInstanceServer(
  state: InstanceState,
  tls: TlsOptions | undefined,
  control: boolean,
): Server {
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const served = isControlRequest(request)
      ? serveControl(request, response, state, control)
      : serve(request, response, state);
    served.catch((cause: unknown) => {
      response.destroy(cause instanceof Error ? cause : new Error(String(cause)));
    });
  };
  const options = { keepAliveTimeout: 20_000, maxHeaderSize: maxHeaderBytes };
  if (!tls) return http.createServer(options, listener);
  // Without a certificate a client may still come with a password.
  const clients = tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: false };
  return process.getBuiltinModule('node:https').createServer({ ...options, ...tls, ...clients }, listener);
}

/** The action for an exchange, run, with its failures turned into answers. */
export const dispatchTo = (router: Router) => async (asked: Exchange, state: InstanceState) => {
  const exchange = asked.url.searchParams.has('sysparm_tiny')
    ? (await import('../api/tiny-url.ts')).expandTinyUrl(asked, state)
    : asked;
  const act = async () => (await router.find(exchange.method, exchange.segments))(exchange, state);
  return withSessionDebug(exchange, await answerOf(act));
};

/** `X-WantSessionDebugMessages: true` adds the session's debug log to the body; ours never has anything to say. */
function withSessionDebug(exchange: Exchange, answer: Answer): Answer {
  if (!isTrue(exchange.headers['x-wantsessiondebugmessages'])) return answer;
  const json = jsonOf(answer);
  if (typeof json !== 'object' || json === null) return answer;
  return { ...answer, json: { ...json, session: { debug_logs: [] } } };
}
