import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { answerAfter, answerBefore, edgeAnswer, rowsStored, sceneOf } from '../api/fault-scene.ts';
import type { Router } from '../api/router.ts';
import type { PickedFault } from '../control/fault-plan.ts';
import { readBody } from '../http/body.ts';
import { type Answer, type Exchange, isTrue } from '../http/exchange.ts';
import { answerOf } from '../http/failure.ts';
import { jsonOf, resetConnection, respond, standardHeaders } from '../http/respond.ts';
import type { InstanceState } from '../state.ts';
import { drawSysId } from '../sys-ids.ts';
import { openVisit, urlOf, type Visit } from './visit.ts';
import { work } from './work.ts';

const controlPrefix = '/__emulator/';
const maxControlBytes = 100_000_000;

/** Takes a request from its arrival to its answer: notes it, applies faults, does the work, answers. */
async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  state: InstanceState,
): Promise<void> {
  const startedMs = performance.now();
  let isCut = false;
  const visit = openVisit(request, state, () => {
    isCut = true;
    resetConnection(response);
  });
  const faults = state.control.faults.pick(visit.method, visit.url.pathname);
  for (const fault of faults) visit.entry.faults.push(fault.name);
  const answer = await state.ledger.during(visit.entry, () => answerVisit(visit, faults, state));
  const delivery = faults.find((fault) => fault.effect.delivery)?.effect.delivery;
  visit.entry.durationMs = performance.now() - startedMs;
  if (isCut) return;
  visit.entry.status = delivery?.kind === 'reset' ? 0 : answer.status;
  respond(request, response, answer, answer.bare ? {} : headersFor(visit, answer, state), delivery);
}

async function answerVisit(
  visit: Visit,
  faults: readonly PickedFault[],
  state: InstanceState,
): Promise<Answer> {
  if (faults.length === 0) return answerOf(() => work(visit, state));
  const { method, url, transaction } = visit;
  // The body is read later: the scene looks at the visit when it is asked for it.
  const struck = {
    method,
    url,
    transaction,
    headers: visit.request.headers,
    get body() {
      return visit.body;
    },
  };
  const scene = sceneOf(struck, state);
  const edge = edgeAnswer(faults, scene);
  if (edge) return edge;
  const before = () => answerBefore(faults, scene);
  const answer = await answerOf(() => work(visit, state, { before, storesRows: rowsStored(faults) }));
  return answerAfter(faults, scene, answer);
}

function headersFor(visit: Visit, answer: Answer, state: InstanceState) {
  const loggedIn = answer.status === 401 ? undefined : visit.entry.user !== '';
  const opened = visit.openedSessionId ?? drawSysId(state.random).toUpperCase();
  const standard = standardHeaders(
    visit.transactionId,
    loggedIn,
    visit.waits,
    visit.continuesSession ? undefined : opened,
  );
  return { ...standard, Date: new Date(state.clock.now()).toUTCString() };
}

/** Who may call `/__emulator/` on this machine: no one, everyone, or those who send the token in `X-Emulator-Token`. */
export type ControlAccess = boolean | { readonly token: string };

const controlHeader = 'x-emulator-token';

const isControlRequest = (request: IncomingMessage) => request.url?.startsWith(controlPrefix) === true;

/** Answers `/__emulator/…` to this machine alone, and only when it is enabled; everyone else gets a 404. */
async function serveControl(
  request: IncomingMessage,
  response: ServerResponse,
  state: InstanceState,
  access: ControlAccess,
): Promise<void> {
  const isOpen = access === true || (access !== false && request.headers[controlHeader] === access.token);
  if (!isOpen || !isLoopback(request.socket.remoteAddress)) {
    respond(request, response, { status: 404 }, {});
    return;
  }
  const body = await readBody(request, maxControlBytes);
  const { answerControl } = await import('../control/router.ts');
  const answer = await answerControl(request.method ?? 'GET', urlOf(request), body, state.control);
  respond(request, response, answer, {});
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || /^(::ffff:)?127\./.test(address));
}

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
  control: ControlAccess,
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
