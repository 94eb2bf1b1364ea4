import type { Connections } from '../aws/connections.ts';
import type { Deadline } from '../core/deadline.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Operation } from '../operations/define-operation.ts';
import type { IdentityOf } from '../operations/identity.ts';
import { tableAccess } from '../operations/table-access.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { InstanceUnavailableError, UnknownOutcomeError } from '../servicenow/errors.ts';
import { readDirectCall, toDirectError, toDirectResult } from './direct-invoke.ts';
import { isHttpEvent, ourAddress, readHttpEvent, readPath } from './http-event.ts';
import { type Call, readHttpCall } from './http-input.ts';
import {
  fitResponse,
  fitResult,
  type HttpResponse,
  toErrorResponse,
  toHttpResponse,
} from './http-response.ts';

/** What serving an operation needs. */
export type GatewayDeps = {
  /** Finds the connection of the instance that a caller named, or of the first. @throws ConfigurationError */
  readonly connect: Connections['connect'];
  /** How records that are created once are known. */
  readonly identityOf: IdentityOf;
  readonly metrics: Metrics;
};

/** One way to call a function: how an event is answered, and how an error is. */
export type Serving = {
  answer(event: unknown, deadline: Deadline): Promise<unknown>;
  /** The answer to a call that failed. @throws Error where the caller gets one */
  answerError(error: unknown, event: unknown): unknown;
};

/** Serves an operation to API Gateway (HTTP API, payload format 2.0) and to direct Invokes alike. */
export function serve(operation: Operation, deps: GatewayDeps): Serving {
  const http = serveHttp(operation, deps);
  const invoke = serveInvoke(operation, deps);
  const servingOf = (event: unknown) => (isHttpEvent(event) ? http : invoke);
  return {
    answer: (event, deadline) => servingOf(event).answer(event, deadline),
    answerError: (error, event) => servingOf(event).answerError(error, event),
  };
}

/** API Gateway: ServiceNow's own paths and parameters in, ServiceNow's own answers out. */
function serveHttp(operation: Operation, deps: GatewayDeps): Serving {
  return {
    async answer(event, deadline): Promise<HttpResponse> {
      const http = readHttpEvent(event);
      const path = readPath(http.rawPath);
      const call = readHttpCall(http, path, operation);
      const response = await carryOut(operation, call, deps, deadline);
      const { headers, ...rest } = toHttpResponse(response, ourAddress(http, path.prefix));
      const whole = { ...rest, headers: { ...headers, ...call.notes } };
      return fitResponse(whole, http.headers['accept-encoding']);
    },
    answerError: (error, event) => toErrorResponse(error, addressOf(event)),
  };
}

/** Where the caller reached us; empty when even that cannot be read. */
function addressOf(event: unknown): string {
  try {
    const http = readHttpEvent(event);
    return ourAddress(http, readPath(http.rawPath).prefix);
  } catch {
    return '';
  }
}

/** A direct Invoke: the WSO2 connector's parameters in, plain data out, errors thrown by name. */
function serveInvoke(operation: Operation, deps: GatewayDeps): Serving {
  return {
    async answer(event, deadline) {
      const response = await carryOut(operation, readDirectCall(event), deps, deadline);
      return fitResult(toDirectResult(response, event));
    },
    answerError(error) {
      throw toDirectError(error);
    },
  };
}

/**
 * Carries a call out: checks its parameters and its tables, and sends it.
 * @throws ConnectorError of any kind
 */
async function carryOut(
  operation: Operation,
  call: Call,
  deps: GatewayDeps,
  deadline: Deadline,
): Promise<ServiceNowResponse> {
  const prepared = operation.prepare(call.input);
  const request = forward(prepared.request, call.forwarded);
  const { client, instance } = deps.connect(call.instance);
  const access = tableAccess(instance);
  for (const table of prepared.tables) access.require(table);
  const context = { deadline, correlationId: call.correlationId };
  const sending = prepared.send(request, { client, context, access, identityOf: deps.identityOf });
  const response = await sending.catch((error: unknown) => {
    throw request.repeatable === 'never' ? asUnknownOutcome(error) : error;
  });
  if (response.headers['idempotency-replayed'] === 'true') deps.metrics.add('Deduplicated');
  return response;
}

/** An outage invites a caller to try again, which would write twice when it came after the write. */
function asUnknownOutcome(error: unknown): unknown {
  if (!(error instanceof InstanceUnavailableError) || error.effect !== 'unknown') return error;
  const { method, path, message } = error;
  const told = `${message}; it may have succeeded; check the instance before retrying`;
  return new UnknownOutcomeError(told, { method, path, effect: 'unknown', cause: error });
}

function forward(request: ServiceNowRequest, { query, headers }: Call['forwarded']): ServiceNowRequest {
  if (query.length === 0 && Object.keys(headers).length === 0) return request;
  const all = new URLSearchParams(request.query);
  for (const [name, value] of query) all.append(name, value);
  return { ...request, query: all, headers: { ...request.headers, ...headers } };
}
