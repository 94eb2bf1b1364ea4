import type { Deadline } from '../core/clock.ts';
import type { HttpConfig } from '../core/config.ts';
import { ConnectorError, InvalidInputError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { BatchPart, BatchPartAnswer, Operation } from '../operations/define-operation.ts';
import { carryOut, type GatewayDeps } from './carry-out.ts';
import { readDirectCall, toDirectError, toDirectResult } from './direct-invoke.ts';
import { MethodNotAllowedError, PartTooLargeError } from './errors.ts';
import {
  findOperation,
  type HttpEvent,
  isHttpEvent,
  ourAddress,
  readHttpEvent,
  readPath,
} from './http-event.ts';
import { readHttpCall } from './http-input.ts';
import {
  fitResponse,
  fitResult,
  type HttpResponse,
  toErrorResponse,
  toHttpResponse,
} from './http-response.ts';
import { asWritten } from './links.ts';

/** What of an invocation matters here. */
export type GatewayInvocation = { readonly deadline: Deadline; readonly requestId: string };

/** One way to call a function: how an event is answered, and how an error is. */
export type Serving = {
  answer(event: unknown, invocation: GatewayInvocation): Promise<unknown>;
  /** The answer to a call that failed. @throws Error where the caller gets one */
  answerError(error: unknown, event: unknown): unknown;
};

/** Serves an operation to API Gateway (HTTP API, payload format 2.0) and to direct Invokes alike. */
export function serve(operation: Operation, deps: GatewayDeps): Serving {
  const http = serveHttp(operation, deps);
  const invoke = serveInvoke(operation, deps);
  const servingOf = (event: unknown) => (isHttpEvent(event) ? http : invoke);
  return {
    answer: (event, invocation) => servingOf(event).answer(event, invocation),
    answerError: (error, event) => servingOf(event).answerError(error, event),
  };
}

/** API Gateway: ServiceNow's own paths and parameters in, ServiceNow's own answers out. */
function serveHttp(operation: Operation, deps: GatewayDeps): Serving {
  return {
    async answer(event, { deadline }): Promise<HttpResponse> {
      const http = readHttpEvent(event);
      const address = ourAddress(http, readPath(http.rawPath).prefix);
      const meant = await applyOverride(http, operation, deps.http);
      const response = await answerHttp(meant.event, meant.operation, address, deps, deadline);
      return withoutBodyForHead(await fitResponse(response, http.headers['accept-encoding']), meant.event);
    },
    answerError(error, event) {
      const { http, address } = readLeniently(event);
      return withoutBodyForHead(toErrorResponse(error, address), http);
    },
  };
}

/** The event as far as it can be read: an error has to be answered even when nothing of it can be. */
function readLeniently(event: unknown): { readonly http?: HttpEvent; readonly address: string } {
  try {
    const http = readHttpEvent(event);
    return { http, address: ourAddress(http, readPath(http.rawPath).prefix) };
  } catch {
    return { address: '' };
  }
}

/** HEAD is answered as GET would be, without the body. */
function withoutBodyForHead(response: HttpResponse, event: HttpEvent | undefined): HttpResponse {
  if (event?.requestContext.http.method !== 'HEAD') return response;
  const { statusCode, headers } = response;
  return { statusCode, headers };
}

async function answerHttp(
  event: HttpEvent,
  operation: Operation,
  address: string,
  deps: GatewayDeps,
  deadline: Deadline,
): Promise<HttpResponse> {
  const call = await readHttpCall(event, readPath(event.rawPath), operation);
  const dispatch = (part: BatchPart) => answerPart(part, event, address, deps, deadline);
  const response = toHttpResponse(await carryOut(operation, call, dispatch, deps, deadline), address);
  const { link } = response.headers;
  const own = link && { link: asWritten(link, event.rawQueryString) };
  return { ...response, headers: { ...response.headers, ...own, ...call.notes } };
}

/**
 * What a POST with `X-HTTP-Method-Override` stands for. Callers are permitted routes, and a route has its method in it: the
 * permission to POST includes other methods only where the deployment says so.
 * @throws MethodNotAllowedError where it does not
 */
async function applyOverride(event: HttpEvent, operation: Operation, { methodOverrides }: HttpConfig) {
  const { method } = event.requestContext.http;
  const override = event.headers['x-http-method-override']?.trim().toUpperCase();
  if (!override || override === method) return { event, operation };
  if (method !== 'POST' || !methodOverrides.includes(override))
    throw new MethodNotAllowedError(
      `x-http-method-override: not allowed; send ${override.slice(0, 20)} itself, or add it to methodOverrides`,
    );
  const { operations } = await import('../operations/catalog.ts');
  const meant = findOperation(operations, override === 'HEAD' ? 'GET' : override, event.rawPath);
  return { event: withMethod(event, override), operation: meant };
}

function withMethod(event: HttpEvent, method: string): HttpEvent {
  return { ...event, requestContext: { ...event.requestContext, http: { method } } };
}

/** What an instance takes as one call of a batch (docs/servicenow-contract.md 6). */
const maxPartBytes = 5 * 1024 * 1024;

/** Answers one call of a batch as if it were a request of its own: nothing that it does touches the others. */
async function answerPart(
  part: BatchPart,
  outer: HttpEvent | undefined,
  address: string,
  deps: GatewayDeps,
  deadline: Deadline,
): Promise<BatchPartAnswer> {
  const event = partEvent(part, outer);
  const answer = async () => {
    const { operations } = await import('../operations/catalog.ts');
    if (part.body.byteLength > maxPartBytes) throw new PartTooLargeError(maxPartBytes);
    const named = findOperation(operations, part.method === 'HEAD' ? 'GET' : part.method, event.rawPath);
    const meant = await applyOverride(event, named, deps.http);
    if (meant.operation.name === 'postBatch')
      throw new InvalidInputError('url', 'a batch cannot be part of another batch');
    const { method } = meant.event.requestContext.http;
    if (!deps.http.batchMethods.includes(method))
      throw new MethodNotAllowedError(`method: ${method} is not in batchMethods`);
    return withoutBodyForHead(
      await answerHttp(meant.event, meant.operation, address, deps, deadline),
      meant.event,
    );
  };
  const response = withoutBodyForHead(
    await answer().catch((error: unknown) => {
      logPart(error, part, deps.log);
      return toErrorResponse(error, address);
    }),
    event,
  );
  const body = Buffer.from(response.body ?? '', response.isBase64Encoded ? 'base64' : 'utf8');
  return { status: response.statusCode, headers: response.headers, body };
}

function logPart(error: unknown, { method }: BatchPart, log: Log): void {
  if (error instanceof ConnectorError)
    log.warn('batch-part-failed', { method, code: error.code, reason: error.message });
  else
    log.error('batch-part-unexpected-error', {
      method,
      stack: error instanceof Error ? error.stack : String(error),
    });
}

/** The event that API Gateway would have made of the call, its path decoded once. */
function partEvent({ method, url, headers, body }: BatchPart, outer: HttpEvent | undefined): HttpEvent {
  const [path = '', rawQueryString = ''] = url.replace(/^https?:\/\/[^/]+/i, '').split(/\?(.*)/s);
  return {
    version: '2.0',
    rawPath: decodePath(path.replace(/^(?=api\/)/, '/')),
    rawQueryString: rawQueryString.replace(/#.*$/s, ''),
    headers: { 'x-servicenow-instance': outer?.headers['x-servicenow-instance'], ...headers },
    body: body.byteLength > 0 ? Buffer.from(body).toString('base64') : undefined,
    isBase64Encoded: body.byteLength > 0,
    requestContext: { ...outer?.requestContext, http: { method } },
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** A direct Invoke: the WSO2 connector's parameters in, plain data out, errors thrown by name. */
function serveInvoke(operation: Operation, deps: GatewayDeps): Serving {
  return {
    async answer(event, { deadline, requestId }) {
      const dispatch = (part: BatchPart) => answerPart(part, undefined, '', deps, deadline);
      const call = { ...readDirectCall(event), invocationKey: `lambda:${requestId}` };
      const response = await carryOut(operation, call, dispatch, deps, deadline);
      return fitResult(toDirectResult(response, event));
    },
    answerError(error) {
      throw toDirectError(error);
    },
  };
}
