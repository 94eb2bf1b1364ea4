import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopback } from '../control/is-loopback.ts';
import type { InstanceState } from '../state.ts';
import { readBody } from './body.ts';
import { respond } from './respond.ts';
import { urlOf } from './visit.ts';

const prefix = '/__emulator/';
const maxControlBytes = 100_000_000;

export const isControlRequest = (request: IncomingMessage) => request.url?.startsWith(prefix) === true;

/** Answers `/__emulator/…` to this machine alone, and only when it is enabled; to anybody else it is not there. */
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
