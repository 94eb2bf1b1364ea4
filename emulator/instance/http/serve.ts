import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { FaultScene } from '../control/fault.ts';
import type { PickedFault } from '../control/fault-plan.ts';
import type { InstanceState } from '../state.ts';
import { drawSysId } from '../store/identifiers.ts';
import { answerOf } from './answer-of.ts';
import { connectionIdOf } from './connection-id.ts';
import type { Answer } from './exchange.ts';
import { standardHeaders } from './headers.ts';
import { respond } from './respond.ts';
import { methodOf, urlOf, type Visit } from './visit.ts';
import { work } from './work.ts';

/** Takes a request from its arrival to its answer: notes it, lets faults at it, does the work, answers. */
export async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  state: InstanceState,
): Promise<void> {
  const startedMs = performance.now();
  const visit = openVisit(request, state);
  const faults = state.control.faults.pick(visit.method, visit.url.pathname);
  for (const fault of faults) visit.entry.faults.push(fault.name);
  const answer = await state.ledger.during(visit.entry, () => answerVisit(visit, faults, state));
  const delivery = faults.find((fault) => fault.effect.delivery)?.effect.delivery;
  visit.entry.status = delivery?.kind === 'reset' ? 0 : answer.status;
  visit.entry.durationMs = performance.now() - startedMs;
  respond(request, response, answer, answer.bare ? {} : headersFor(visit, answer, state), delivery);
}

function openVisit(request: IncomingMessage, state: InstanceState): Visit {
  const url = urlOf(request);
  const method = methodOf(request);
  const transactionId = drawSysId(state.random).slice(0, 12);
  const entry = state.ledger.open({
    at: new Date(state.clock.now()).toISOString(),
    method,
    path: url.pathname + url.search,
    transactionId,
    connectionId: connectionIdOf(request.socket),
  });
  return {
    request,
    url,
    method,
    transactionId,
    entry,
    waits: { semaphoreMs: 0, sessionMs: 0 },
    openedSessionId: undefined,
    continuesSession: false,
  };
}

async function answerVisit(
  visit: Visit,
  faults: readonly PickedFault[],
  state: InstanceState,
): Promise<Answer> {
  const scene = sceneOf(visit, state);
  for (const { effect } of faults) {
    const answer = effect.edge?.(scene);
    if (answer) return answer;
  }
  const answer = await answerOf(() => work(visit, state, () => struckBefore(faults, scene)));
  return faults.reduce((changed, { effect }) => effect.after?.(changed) ?? changed, answer);
}

async function struckBefore(faults: readonly PickedFault[], scene: FaultScene): Promise<Answer | undefined> {
  for (const { effect } of faults) {
    const answer = await effect.before?.(scene);
    if (answer) return answer;
  }
  return undefined;
}

function sceneOf({ method, url, request }: Visit, state: InstanceState): FaultScene {
  return {
    method,
    url,
    headers: request.headers,
    wait: (ms) => delay(ms, undefined, { signal: state.control.closing }),
    revokeToken: (token) => state.auth.tokens.revoke(token),
  };
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
