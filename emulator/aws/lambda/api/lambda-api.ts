import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ACCOUNT_ID, REGION } from '../../account.ts';
import { AwsError } from '../../aws-error.ts';
import { type Permit, permitAll } from '../../iam/access-control.ts';
import { InvalidParameterError } from '../durable/checkpoints.ts';
import { CallbackClosedError, ExecutionAlreadyStartedError } from '../durable/durable-executions.ts';
import type { LambdaService } from '../lambda-service.ts';
import { type ApiAction, type ApiAnswer, ApiFailure } from './api-call.ts';
import { durableActions } from './durable-actions.ts';
import { invokeActions } from './invoke.ts';

/** What a new account in a busy region has. @see https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html */
const accountSettings: ApiAction = {
  method: 'GET',
  path: /^\/2016-08-19\/account-settings\/?$/,
  right: 'GetAccountSettings',
  resource: () => '*',
  run: () => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      AccountLimit: { ConcurrentExecutions: 1_000, UnreservedConcurrentExecutions: 1_000 },
    }),
  }),
};

/** Those of a stack are started with it and are never switched off. @see https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html */
const getEventSourceMapping: ApiAction = {
  method: 'GET',
  path: /^\/2015-03-31\/event-source-mappings\/([^/]+)\/?$/,
  right: 'GetEventSourceMapping',
  resource: ({ target }) => `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:event-source-mapping:${target}`,
  run: ({ target }) => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ UUID: target, State: 'Enabled', LastProcessingResult: 'OK' }),
  }),
};

const actions: readonly ApiAction[] = [
  ...invokeActions,
  ...durableActions,
  accountSettings,
  getEventSourceMapping,
];

/** Bytes that are read of a request at most: the largest event, and some more to be able to say that it is too large. */
const maxBodyBytes = 8 * 1024 * 1024;

/**
 * The part of the Lambda API that functions and callers use: Invoke and the durable executions. Checks no signature.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
 */
export function createLambdaApi(service: LambdaService, permit: Permit = permitAll): RequestListener {
  return (request, response) => {
    answer(service, request, permit)
      .catch(failureAnswer)
      .then((found) => send(response, found))
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  };
}

async function answer(service: LambdaService, request: IncomingMessage, permit: Permit): Promise<ApiAnswer> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const body = await readBody(request);
  for (const action of actions) {
    const match = action.path.exec(url.pathname);
    if (match === null || action.method !== request.method) continue;
    const target = decodeURIComponent(match[1] ?? '');
    const call = { service, target, query: url.searchParams, headers: request.headers, body };
    const resource = action.resource?.(call) ?? target;
    permit(request.headers.authorization, { action: `lambda:${action.right}`, resource });
    return action.run(call);
  }
  throw new ApiFailure(
    404,
    'UnknownOperationException',
    `${request.method} ${url.pathname} is not served here`,
  );
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
  }
  if (bytes > maxBodyBytes)
    throw new ApiFailure(413, 'RequestTooLargeException', `Request of ${bytes} bytes`);
  return Buffer.concat(chunks);
}

function failureAnswer(error: unknown): ApiAnswer {
  const { status, type, message } = asFailure(error);
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': type },
    body: JSON.stringify({ Type: status < 500 ? 'User' : 'Service', Message: message, message }),
  };
}

function asFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  if (error instanceof AwsError) return new ApiFailure(error.status, error.code, error.message);
  if (error instanceof InvalidParameterError)
    return new ApiFailure(400, 'InvalidParameterValueException', error.message);
  if (error instanceof ExecutionAlreadyStartedError)
    return new ApiFailure(409, 'DurableExecutionAlreadyStartedException', error.message);
  if (error instanceof CallbackClosedError)
    return new ApiFailure(400, 'CallbackTimeoutException', error.message);
  return new ApiFailure(500, 'ServiceException', error instanceof Error ? error.message : String(error));
}

function send(response: ServerResponse, { status, headers, body }: ApiAnswer): void {
  response.writeHead(status, { 'x-amzn-requestid': crypto.randomUUID(), ...headers }).end(body);
}
