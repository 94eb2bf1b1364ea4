import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../../clock.ts';
import type { HttpRoute } from '../../template/resources.ts';
import { type InvocationOutcome, maxPayloadBytes } from '../invocation.ts';
import { type HttpRequest, requestEvent } from './request-event.ts';
import { gatewayAnswer, gatewayPage, type HttpAnswer, httpAnswer } from './response.ts';
import { createRouteTable, type RouteMatch, type RouteTable } from './route-table.ts';

/** What the request line and the values of the headers may have together, in bytes (HTTP API quotas). */
const maxHeaderBytes = 10_240;

/** The largest request that an HTTP API takes, in bytes. */
const maxRequestBytes = 10 * 1024 * 1024;

export type HttpApiOptions = {
  readonly routes: readonly HttpRoute[];
  readonly accountId: string;
  readonly invoke: (functionArn: string, event: Buffer) => Promise<InvocationOutcome>;
  readonly clock?: Clock;
};

/** An HTTP API in front of functions. It asks for no signature and no token, whatever a deployment asks for. */
export function createHttpApi(options: HttpApiOptions): RequestListener {
  const routes = createRouteTable(options.routes);
  return (request, response) => {
    answer(options, routes, request, response).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : undefined),
    );
  };
}

async function answer(
  options: HttpApiOptions,
  routes: RouteTable,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const requestId = crypto.randomUUID();
  const body = await readBody(request);
  const {
    status,
    headers,
    body: sent,
  } = refuseHead(request) ??
  (body
    ? await answerRequest(options, routes, httpRequest(request, body), requestId)
    : gatewayAnswer(413, 'Request Entity Too Large'));
  response.writeHead(status, { ...headers, 'content-length': sent.length, 'apigw-requestid': requestId });
  response.end(request.method === 'HEAD' ? undefined : sent);
}

/**
 * The answer to a request line or headers that are too large. A request line that is too long by itself is refused before anything knows that an API
 * is asked for, hence the HTML; its wording is that of AWS's load balancers, since API Gateway's own is not documented.
 */
function refuseHead({ method = '', url = '', rawHeaders }: IncomingMessage): HttpAnswer | undefined {
  const lineBytes = Buffer.byteLength(`${method} ${url} HTTP/1.1`);
  const values = rawHeaders.filter((_, at) => at % 2 === 1);
  const headerBytes = values.reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  if (lineBytes > maxHeaderBytes) return gatewayPage(414, 'Request-URI Too Large');
  if (lineBytes + headerBytes > maxHeaderBytes) return gatewayAnswer(431, 'Request Header Fields Too Large');
  return undefined;
}

async function answerRequest(
  { accountId, invoke, clock = systemClock }: HttpApiOptions,
  routes: RouteTable,
  request: HttpRequest,
  requestId: string,
): Promise<HttpAnswer> {
  const match = routes.match(request.method, request.target.split('?')[0] ?? '/');
  if (match === undefined) return gatewayAnswer(404, 'Not Found');
  const context = { accountId, requestId, nowMs: clock.now() };
  const event = Buffer.from(JSON.stringify(requestEvent(request, match, context)));
  if (event.length > maxPayloadBytes) return gatewayAnswer(413, 'Request Entity Too Large');
  return invokeWithin(match, clock, () => invoke(match.route.functionArn, event));
}

/** An integration that takes too long is answered with 503; the function goes on until its own time-out. */
async function invokeWithin(
  { route }: RouteMatch,
  clock: Clock,
  invoke: () => Promise<InvocationOutcome>,
): Promise<HttpAnswer> {
  const done = new AbortController();
  const tooLate = clock.sleep(route.integrationTimeoutMs, done.signal).then(
    () => gatewayAnswer(503, 'Service Unavailable'),
    () => gatewayAnswer(503, 'Service Unavailable'),
  );
  const answered = await Promise.race([invoke().then(httpAnswer), tooLate]);
  done.abort();
  return answered;
}

function httpRequest(request: IncomingMessage, body: Buffer): HttpRequest {
  return {
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    headers: request.headers,
    body,
    sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
    protocol: `HTTP/${request.httpVersion}`,
  };
}

/** @returns undefined for a body that is too large; it is read to its end so that the answer arrives. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= maxRequestBytes) chunks.push(chunk);
  }
  return bytes > maxRequestBytes ? undefined : Buffer.concat(chunks);
}
