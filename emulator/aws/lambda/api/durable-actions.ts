import * as z from 'zod';
import type { Execution } from '../durable/execution-store.ts';
import { checkpointSchema, errorBodySchema } from '../durable/wire.ts';
import { type ApiAction, type ApiAnswer, type ApiCall, ApiFailure } from './api-call.ts';

const executions = '/2025-12-01/durable-executions/([^/]+)';
const callbacks = '/2025-12-01/durable-execution-callbacks/([^/]+)';

/** The durable execution calls. @see https://docs.aws.amazon.com/lambda/latest/api/API_CheckpointDurableExecution.html */
export const durableActions: readonly ApiAction[] = [
  {
    method: 'POST',
    path: new RegExp(`^${executions}/checkpoint$`),
    right: 'CheckpointDurableExecution',
    run: checkpoint,
  },
  {
    method: 'GET',
    path: new RegExp(`^${executions}/state$`),
    right: 'GetDurableExecutionState',
    run: getState,
  },
  { method: 'POST', path: new RegExp(`^${executions}/stop$`), right: 'StopDurableExecution', run: stop },
  { method: 'GET', path: new RegExp(`^${executions}$`), right: 'GetDurableExecution', run: getExecution },
  {
    method: 'GET',
    path: /^\/2025-12-01\/functions\/([^/]+)\/durable-executions$/,
    right: 'ListDurableExecutionsByFunction',
    run: listExecutions,
  },
  {
    method: 'POST',
    path: new RegExp(`^${callbacks}/succeed$`),
    right: 'SendDurableExecutionCallbackSuccess',
    run: succeedCallback,
  },
  {
    method: 'POST',
    path: new RegExp(`^${callbacks}/fail$`),
    right: 'SendDurableExecutionCallbackFailure',
    run: failCallback,
  },
  {
    method: 'POST',
    path: new RegExp(`^${callbacks}/heartbeat$`),
    right: 'SendDurableExecutionCallbackHeartbeat',
    run: heartbeatCallback,
  },
];

function checkpoint({ service, target, body }: ApiCall): ApiAnswer {
  requireExecution({ service, target });
  return json(service.durable.checkpoint(target, parse(checkpointSchema, body)));
}

function getState({ service, target, query }: ApiCall): ApiAnswer {
  requireExecution({ service, target });
  const maxItems = Number(query.get('MaxItems') ?? 0);
  const marker = Number(query.get('Marker') ?? 0);
  const token = query.get('CheckpointToken') ?? '';
  return json(service.durable.state(target, token, marker, maxItems > 0 ? maxItems : undefined));
}

function stop({ service, target, body }: ApiCall): ApiAnswer {
  const execution = requireExecution({ service, target });
  const stoppedAtMs = service.durable.stop(target, body.length === 0 ? {} : parse(errorBodySchema, body));
  return json({ StopTimestamp: (execution.endedAtMs ?? stoppedAtMs) / 1000 });
}

function getExecution({ service, target, query }: ApiCall): ApiAnswer {
  const execution = requireExecution({ service, target });
  const withData = query.get('IncludeExecutionData') !== 'false';
  const { input, result, error } = execution;
  return json({
    ...summary(execution),
    Version: '1',
    ...(withData && { InputPayload: input }),
    ...(withData && result !== null && execution.status === 'SUCCEEDED' && { Result: result }),
    ...(error !== null && { Error: JSON.parse(error) }),
  });
}

function listExecutions({ service, target, query }: ApiCall): ApiAnswer {
  const lambdaFunction = service.find(target);
  if (lambdaFunction === undefined)
    throw new ApiFailure(404, 'ResourceNotFoundException', `Function not found: ${target}`);
  const name = query.get('DurableExecutionName');
  const statuses = query.getAll('Statuses');
  const found = service
    .executionsOf(lambdaFunction)
    .filter((execution) => name === null || execution.name === name)
    .filter((execution) => statuses.length === 0 || statuses.includes(execution.status))
    .filter((execution) => isStartedWithin(execution, query));
  if (query.get('ReverseOrder') !== 'true') found.reverse();
  return json(page(found.map(summary), query));
}

function isStartedWithin({ startedAtMs }: Execution, query: URLSearchParams): boolean {
  const after = query.get('StartedAfter');
  const before = query.get('StartedBefore');
  return (
    (after === null || startedAtMs >= Date.parse(after)) &&
    (before === null || startedAtMs <= Date.parse(before))
  );
}

function page(found: readonly unknown[], query: URLSearchParams) {
  const from = Number(query.get('Marker') ?? 0);
  const to = from + Math.min(Number(query.get('MaxItems') ?? 0) || 100, 1000);
  return { DurableExecutions: found.slice(from, to), ...(to < found.length && { NextMarker: String(to) }) };
}

function succeedCallback({ service, target, body }: ApiCall): ApiAnswer {
  requireCallback(target, (id) => service.durable.endCallback(id, { result: body.toString() }));
  return json({});
}

function failCallback({ service, target, body }: ApiCall): ApiAnswer {
  const error = body.length === 0 ? {} : parse(errorBodySchema, body);
  requireCallback(target, (id) => service.durable.endCallback(id, { error }));
  return json({});
}

function heartbeatCallback({ service, target }: ApiCall): ApiAnswer {
  requireCallback(target, (id) => service.durable.heartbeat(id));
  return json({});
}

/** Does something with a callback that has to be there. */
function requireCallback(callbackId: string, act: (callbackId: string) => boolean): void {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(callbackId))
    throw new ApiFailure(400, 'InvalidParameterValueException', 'Invalid CallbackId');
  if (!act(callbackId))
    throw new ApiFailure(404, 'ResourceNotFoundException', `There is no callback ${callbackId}`);
}

function requireExecution({ service, target }: Pick<ApiCall, 'service' | 'target'>): Execution {
  const execution = service.execution(target);
  if (execution === undefined)
    throw new ApiFailure(404, 'ResourceNotFoundException', `There is no durable execution ${target}`);
  return execution;
}

function summary({ arn, name, functionArn, status, startedAtMs, endedAtMs }: Execution) {
  return {
    DurableExecutionArn: arn,
    DurableExecutionName: name,
    FunctionArn: functionArn,
    Status: status,
    StartTimestamp: startedAtMs / 1000,
    ...(endedAtMs !== null && { EndTimestamp: endedAtMs / 1000 }),
  };
}

function parse<Schema extends z.ZodType>(schema: Schema, body: Buffer): z.infer<Schema> {
  const { data, error } = schema.safeParse(JSON.parse(body.toString() || '{}'));
  if (error) throw new ApiFailure(400, 'InvalidParameterValueException', z.prettifyError(error));
  return data;
}

function json(body: unknown): ApiAnswer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
