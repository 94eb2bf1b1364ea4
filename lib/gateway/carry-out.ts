import type { Connections } from '../aws/connections.ts';
import { allowsTable } from '../core/config.ts';
import type { Deadline } from '../core/deadline.ts';
import { TableNotAllowedError } from '../core/errors.ts';
import type { IdentityOf } from '../operations/identity.ts';
import type { Operation, TableParameters } from '../operations/operation.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { InstanceUnavailableError, UnknownOutcomeError } from '../servicenow/errors.ts';
import type { Call } from './call.ts';

/** Finds the connection of the instance that a caller named, or of the first. @throws ConfigurationError */
export type Connect = Connections['connect'];

/**
 * Carries a call out: checks what it takes, whether it may, and sends it.
 * @throws ConnectorError of any kind
 */
export async function carryOut<P extends TableParameters>(
  operation: Operation<P>,
  call: Call,
  { connect, identityOf }: { readonly connect: Connect; readonly identityOf: IdentityOf },
  deadline: Deadline,
): Promise<ServiceNowResponse> {
  const parameters = operation.parse(call.input);
  const request = forward(operation.request(parameters), call.forwarded);
  const { client, instance } = connect(call.instance);
  if (!allowsTable(instance, parameters.tableName)) throw new TableNotAllowedError(parameters.tableName);
  const context = { deadline, correlationId: call.correlationId };
  const sending = operation.send(request, parameters, client, context, identityOf);
  return sending.catch((error: unknown) => {
    throw request.repeatable === 'never' ? asUnknownOutcome(error) : error;
  });
}

/** An outage invites to try again, which would write twice when it came after the write. */
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
