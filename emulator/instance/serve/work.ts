import { TLSSocket } from 'node:tls';
import { parseApiPath } from '../api/router.ts';
import { authenticate } from '../auth/authenticate.ts';
import { answerAuthorizationRequest, answerTokenRequest } from '../auth/oauth-endpoints.ts';
import { oneAtATime, type Session } from '../auth/sessions.ts';
import { bodyLimit, readBody } from '../http/body.ts';
import type { Answer, Exchange, User } from '../http/exchange.ts';
import { answerOf, Failure, htmlPage, noSuchResource } from '../http/failure.ts';
import type { InstanceState } from '../state.ts';
import type { Visit } from './visit.ts';

/** What faults may do to the work. */
type Disturbance = {
  /** Runs between the semaphore and the work; an answer replaces the work. */
  readonly before: () => Promise<Answer | undefined>;
  /** @see Exchange.storesRows */
  readonly storesRows: Exchange['storesRows'];
};

/**
 * The instance's own part of a request: authentication, semaphore, rate limits, and then the action.
 *
 * @throws Failure for what is refused before there is anything to do.
 */
export async function work(visit: Visit, state: InstanceState, disturbance?: Disturbance): Promise<Answer> {
  if (isTooLong(visit, state)) {
    return htmlPage(414, '414 Request-URI Too Large', 'The requested URL is too long.');
  }
  const logIn = await answerLogIn(visit, state);
  if (logIn) return logIn;
  const { user, continued } = admit(visit, state);
  visit.body = await readBody(visit.request, bodyLimit(visit.url.pathname, state.switches));
  const asked = async () => (await disturbance?.before()) ?? act(visit, user, state, disturbance?.storesRows);
  const run = () => inSemaphore(visit, state, () => withinLimits(visit, user, state, asked));
  return continued ? oneAtATime(continued, visit.waits, run) : run();
}

/**
 * Who sent the request, and the session that its cookies continue; without one, a session is opened.
 * @throws Failure 401 or 403
 */
function admit(visit: Visit, { auth }: InstanceState): { user: User; continued: Session | undefined } {
  const { headers } = visit.request;
  const known = auth.sessions.find(headers.cookie);
  const credentials = {
    headers,
    url: visit.url,
    certificateCommonName: commonNameOf(visit),
    sessionUserName: known?.userName,
  };
  const user = authenticate(credentials, auth);
  visit.entry.user = user.userName;
  const continued = known?.userName === user.userName ? known : undefined;
  if (!continued) visit.openedSessionId = auth.sessions.open(user.userName).id;
  visit.continuesSession = continued !== undefined;
  return { user, continued };
}

/** @throws Failure 429 when as many wait as may. */
async function inSemaphore(
  visit: Visit,
  { control }: InstanceState,
  run: () => Promise<Answer>,
): Promise<Answer> {
  const permit = await control.semaphore.acquire();
  if (!permit) throw new Failure(429, 'Too Many Requests');
  visit.waits.semaphoreMs = permit.waitedMs;
  try {
    return await run();
  } finally {
    permit.release();
  }
}

/** A path alone has less room than path and query together. */
function isTooLong({ request, url }: Visit, { switches }: InstanceState): boolean {
  const maxPathBytes = 8_192;
  return url.pathname.length > maxPathBytes || (request.url ?? '').length > switches.maxUrlBytes;
}

/** The pages under which a client gets its tokens; everything else needs a user who is logged in. */
async function answerLogIn({ request, url }: Visit, state: InstanceState): Promise<Answer | undefined> {
  const { headers, method = 'GET' } = request;
  if (url.pathname === '/oauth_auth.do') return answerAuthorizationRequest({ url, headers }, state.auth);
  if (url.pathname !== '/oauth_token.do') return undefined;
  const body = await readBody(request, state.switches.maxContentLengthBytes);
  return answerTokenRequest({ method, headers, body }, state.auth);
}

/** The rate limits' headers go on every answer that a rule matches, and their refusal in its place. */
async function withinLimits(
  visit: Visit,
  user: User,
  state: InstanceState,
  run: () => Promise<Answer>,
): Promise<Answer> {
  const verdict = state.control.limits.check(user, visit.method, visit.url.pathname);
  if (!verdict) return run();
  if (verdict.refusal) return verdict.refusal;
  const answer = await answerOf(run);
  return { ...answer, headers: { ...verdict.headers, ...answer.headers } };
}

function act(
  { request, url, method, body, transaction }: Visit,
  user: User,
  state: InstanceState,
  storesRows: Exchange['storesRows'],
): Promise<Answer> {
  const target = request.url ?? '';
  const path = parseApiPath(target.startsWith('/') ? target : url.pathname);
  if (!path) throw noSuchResource();
  return state.dispatch({
    method,
    ...path,
    url,
    headers: request.headers,
    body,
    user,
    transaction,
    storesRows,
  });
}

/** The common name of a client certificate that the TLS layer has verified. */
function commonNameOf({ request: { socket } }: Visit): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const name = socket.getPeerCertificate().subject?.CN;
  return Array.isArray(name) ? name[0] : name;
}
