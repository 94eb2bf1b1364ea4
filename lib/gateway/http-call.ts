import { correlationIdFrom } from '../core/correlation.ts';
import { InvalidInputError } from '../core/errors.ts';
import type { Operation, TableParameters } from '../operations/operation.ts';
import { readBody } from './body-input.ts';
import type { Call } from './call.ts';
import type { HttpEvent } from './event.ts';
import { NotAcceptableError } from './not-acceptable.ts';
import { readQuery } from './query-input.ts';
import type { Route } from './route.ts';

/**
 * A request in ServiceNow's own form, in the operations' terms.
 * @throws ConnectorError when path, query, headers or body cannot be used; nothing is passed over in silence
 */
export function readHttpCall<P extends TableParameters>(
  event: HttpEvent,
  route: Route,
  operation: Operation<P>,
): Call {
  checkHeaders(event.headers);
  const { prefix: _prefix, ...path } = route;
  const { input, forwarded } = readQuery(event.rawQueryString, operation.parameterNames);
  return {
    input: { ...input, ...bodyInput(event, operation), ...keyInput(event, operation), ...path },
    instance: event.headers['x-servicenow-instance'] || undefined,
    correlationId: correlationIdFrom(event.headers['x-correlation-id'] ?? event.requestContext.requestId),
    forwarded: { query: forwarded, headers: forwardedHeaders(event.headers, operation) },
  };
}

const namesOfPath = new Set(['tableName', 'sysId', 'apiVersion']);

function checkHeaders(headers: HttpEvent['headers']): void {
  const override = headers['x-http-method-override'];
  // Routes and their permissions are per method: one that stands for another would get round both.
  if (override)
    throw new InvalidInputError('x-http-method-override', `not supported; send ${override} itself`);
  const accept = headers['accept'] || '*/*';
  if (!/\*\/\*|application\/(?:\*|json)/i.test(accept)) throw new NotAcceptableError(accept);
}

function bodyInput<P extends TableParameters>(event: HttpEvent, operation: Operation<P>) {
  if (operation.body === undefined) return {};
  const body = readBody(event);
  // Text may hold a record's JSON in a direct Invoke only; the body is JSON already.
  if (operation.body === 'record' && typeof body !== 'string') return { record: body };
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new InvalidInputError('body', 'must be a JSON object');
  const ofPath = Object.keys(body).find((name) => namesOfPath.has(name));
  if (ofPath !== undefined) throw new InvalidInputError(ofPath, 'stands in the path, not in the body');
  return body;
}

/** The key goes to what creates a record; every other operation may be repeated as it is. */
function keyInput<P extends TableParameters>({ headers }: HttpEvent, operation: Operation<P>) {
  const idempotencyKey = headers['idempotency-key'];
  return operation.parameterNames.includes('idempotencyKey') ? { idempotencyKey } : {};
}

/** Asks the instance to leave the record out of its answer to a write. */
function forwardedHeaders<P extends TableParameters>(headers: HttpEvent['headers'], operation: Operation<P>) {
  const silent = operation.body !== undefined && headers['x-no-response-body'] === 'true';
  return silent ? { 'x-no-response-body': 'true' } : {};
}
