import type { IncomingMessage, ServerResponse } from 'node:http';
import { resetConnection } from '../control/deliver.ts';
import type { PickedFault } from '../control/fault-plan.ts';
import { answerAfter, answerBefore, edgeAnswer, rowsStored, sceneOf } from '../control/fault-scene.ts';
import type { InstanceState } from '../state.ts';
import { drawSysId } from '../store/identifiers.ts';
import { answerOf } from './answer-of.ts';
import { readBody } from './body.ts';
import type { Answer } from './exchange.ts';
import { standardHeaders } from './headers.ts';
import { respond } from './respond.ts';
import { openVisit, urlOf, type Visit } from './visit.ts';
import { work } from './work.ts';

const controlPrefix = '/__emulator/';
const maxControlBytes = 100_000_000;

/** Takes a request from its arrival to its answer: notes it, applies faults, does the work, answers. */
export async function serve(
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
  return standardHeaders(
    visit.transactionId,
    loggedIn,
    visit.waits,
    visit.continuesSession ? undefined : opened,
  );
}

export const isControlRequest = (request: IncomingMessage) => request.url?.startsWith(controlPrefix) === true;

/** Answers `/__emulator/…` to this machine alone, and only when it is enabled; everyone else gets a 404. */
export async function serveControl(
  request: IncomingMessage,
  response: ServerResponse,
  state: InstanceState,
  enabled: boolean,
): Promise<void> {
  if (!enabled || !isLoopback(request.socket.remoteAddress)) {
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
