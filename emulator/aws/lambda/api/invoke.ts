import type { LambdaFunction } from '../../template/lambda-functions.ts';
import { parseFunctionReference } from '../function-names.ts';
import { maxPayloadBytes } from '../invocation.ts';
import type { CallOptions } from '../lambda-service.ts';
import { type ApiAction, type ApiAnswer, type ApiCall, ApiFailure } from './api-call.ts';

/** The largest event of an asynchronous invocation, in bytes. */
const maxEventBytes = 1024 * 1024;

/** The longest that a caller may wait for a durable execution. */
const maxSynchronousSeconds = 900;

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
export const invokeActions: readonly ApiAction[] = [
  {
    method: 'POST',
    path: /^\/2015-03-31\/functions\/([^/]+)\/invocations$/,
    right: 'InvokeFunction',
    resource: qualifiedArn,
    run: invoke,
  },
  {
    method: 'GET',
    path: /^\/2015-03-31\/functions\/([^/]+)\/configuration$/,
    right: 'GetFunctionConfiguration',
    resource: qualifiedArn,
    run: describeFunction,
  },
];

/**
 * Every version of a function is that of the package.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
 */
function describeFunction(call: ApiCall): ApiAnswer {
  const { found, qualifier } = findFunction(call);
  const { functionName, handler, memoryMb, timeoutSeconds, environment } = found;
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      FunctionName: functionName,
      Handler: handler,
      MemorySize: memoryMb,
      Timeout: timeoutSeconds,
      Environment: { Variables: environment },
      Version: qualifier === undefined ? '$LATEST' : '1',
      State: 'Active',
      LastUpdateStatus: 'Successful',
    }),
  };
}

async function invoke(call: ApiCall): Promise<ApiAnswer> {
  const lambdaFunction = requireFunction(call);
  const event = requireJson(call.body);
  const options = callOptions(call);
  switch (header(call, 'x-amz-invocation-type') ?? 'RequestResponse') {
    case 'DryRun':
      return { status: 204 };
    case 'Event':
      return invokeInBackground(call, lambdaFunction, event, options);
    default:
      return invokeToEnd(call, lambdaFunction, event, options);
  }
}

async function invokeToEnd(
  { service }: ApiCall,
  lambdaFunction: LambdaFunction,
  event: Buffer,
  options: CallOptions,
): Promise<ApiAnswer> {
  requireSize(event, maxPayloadBytes);
  requireShortExecution(lambdaFunction);
  const started = startedHeaders(
    lambdaFunction,
    () => service.startExecution(lambdaFunction, event, options).arn,
  );
  const named = { ...options, ...(started.name && { durableExecutionName: started.name }) };
  const outcome = await service.invoke(lambdaFunction, event, named);
  const headers = {
    'content-type': 'application/json',
    'x-amz-executed-version': lambdaFunction.durable ? '1' : '$LATEST',
    ...started.headers,
    ...(outcome.functionError && { 'x-amz-function-error': outcome.functionError }),
  };
  return { status: 200, headers, body: outcome.payload };
}

function invokeInBackground(
  { service }: ApiCall,
  lambdaFunction: LambdaFunction,
  event: Buffer,
  options: CallOptions,
): ApiAnswer {
  requireSize(event, maxEventBytes);
  if (!lambdaFunction.durable) {
    service.invokeInBackground(lambdaFunction, event, options);
    return { status: 202 };
  }
  const { arn } = service.startExecution(lambdaFunction, event, { ...options, asynchronous: true });
  return { status: 202, headers: { 'x-amz-durable-execution-arn': arn } };
}

/** Starts the execution of a durable function, so that its ARN can be returned; does nothing for other functions. */
function startedHeaders(lambdaFunction: LambdaFunction, start: () => string) {
  if (!lambdaFunction.durable) return { headers: {} };
  const arn = start();
  return { name: arn.split('/').at(-2), headers: { 'x-amz-durable-execution-arn': arn } };
}

function callOptions(call: ApiCall): CallOptions {
  const clientContext = header(call, 'x-amz-client-context');
  const durableExecutionName = header(call, 'x-amz-durable-execution-name');
  if (durableExecutionName !== undefined && !/^[a-zA-Z0-9_-]{1,64}$/.test(durableExecutionName))
    throw new ApiFailure(
      400,
      'InvalidParameterValueException',
      'DurableExecutionName must have 1 to 64 letters, digits, hyphens and underscores',
    );
  const qualifier = call.query.get('Qualifier') ?? parseFunctionReference(call.target).qualifier;
  return {
    ...(clientContext !== undefined && { clientContext }),
    ...(durableExecutionName !== undefined && { durableExecutionName }),
    ...(qualifier !== undefined && { qualifier }),
  };
}

/** The ARN by which a call names its function. */
function qualifiedArn(call: ApiCall): string {
  const { arn } = call.service.find(call.target) ?? { arn: call.target };
  const { name, qualifier } = parseFunctionReference(call.target);
  const chosen = call.query.get('Qualifier') ?? qualifier;
  return chosen === undefined ? arn : `${arn.slice(0, arn.lastIndexOf(':'))}:${name}:${chosen}`;
}

/** A durable function is only invoked by version or alias, as on AWS. */
function requireFunction(call: ApiCall): LambdaFunction {
  const { found, qualifier } = findFunction(call);
  if (found.durable && qualifier === undefined)
    throw new ApiFailure(
      400,
      'InvalidParameterValueException',
      'You cannot invoke a durable function using an unqualified ARN.',
    );
  return found;
}

function findFunction(call: ApiCall): { readonly found: LambdaFunction; readonly qualifier?: string } {
  const found = call.service.find(call.target);
  const { qualifier } = callOptions(call);
  if (found === undefined || !isKnown(found, qualifier))
    throw new ApiFailure(404, 'ResourceNotFoundException', `Function not found: ${call.target}`);
  return { found, ...(qualifier !== undefined && { qualifier }) };
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/durable-invoking.html */
function requireShortExecution({ durable }: LambdaFunction): void {
  if (durable && durable.executionTimeoutSeconds > maxSynchronousSeconds)
    throw new ApiFailure(
      400,
      'InvalidParameterValueException',
      'You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.',
    );
}

function isKnown({ aliases }: LambdaFunction, qualifier = '$LATEST'): boolean {
  return qualifier === '$LATEST' || qualifier === '1' || aliases.includes(qualifier);
}

function requireJson(body: Buffer): Buffer {
  if (body.length === 0) return Buffer.from('{}');
  try {
    JSON.parse(body.toString());
    return body;
  } catch (error) {
    throw new ApiFailure(
      400,
      'InvalidRequestContentException',
      `Could not parse request body into json: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function requireSize({ length }: Buffer, maxBytes: number): void {
  if (length > maxBytes)
    throw new ApiFailure(
      413,
      'RequestTooLargeException',
      `${length} byte payload is too large for this invocation (limit ${maxBytes} bytes)`,
    );
}

function header({ headers }: ApiCall, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
