import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import * as z from 'zod';
import { AwsError } from './aws-error.ts';
import { type Permit, permitAll } from './iam/access-control.ts';
import type { RequiredRights } from './iam/required-rights.ts';

/** One API action: takes the parsed JSON body, answers what is sent as JSON. `signal` aborts when the caller hangs up. */
export type JsonAction<State> = (
  body: unknown,
  state: State,
  signal: AbortSignal,
  authorization?: string,
) => unknown;

/** An AWS JSON service (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html). */
export type JsonService<State> = {
  readonly contentType: 'application/x-amz-json-1.0' | 'application/x-amz-json-1.1';
  /** What stands before the action in `X-Amz-Target`, with its dot. */
  readonly targetPrefix: string;
  readonly actions: Readonly<Record<string, JsonAction<State>>>;
  readonly state: State;
  readonly rights: RequiredRights;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
  /** What an input that does not fit its schema is called. */
  readonly validationCode: string;
  /** Headers of an error answer, e.g. the old query protocol's code. */
  readonly errorHeaders?: (error: AwsError) => Record<string, string>;
};

/** An action whose input is checked against `schema` first. */
export function jsonAction<Schema extends z.ZodType, State>(
  schema: Schema,
  run: (input: z.output<Schema>, state: State, signal: AbortSignal, authorization?: string) => unknown,
): JsonAction<State> {
  return (body, state, signal, authorization) => run(schema.parse(body), state, signal, authorization);
}

/** Answers every request of the service; the action stands in `X-Amz-Target`. */
export function jsonProtocol<State>(service: JsonService<State>): RequestListener {
  return (request, response) => {
    void answer(service, request, response);
  };
}

async function answer<State>(
  service: JsonService<State>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = callerGone(response);
  try {
    const body = await buffer(request);
    const output = await runAction(service, request, body, gone);
    send(service, response, 200, output ?? {}, {});
  } catch (error) {
    const failure = asAwsError(error, service.validationCode);
    const body = { __type: failure.code, message: failure.message };
    send(service, response, failure.status, body, service.errorHeaders?.(failure) ?? {});
  }
}

function runAction<State>(
  service: JsonService<State>,
  request: IncomingMessage,
  body: Buffer,
  signal: AbortSignal,
): unknown {
  const target = String(request.headers['x-amz-target'] ?? '');
  const name = target.startsWith(service.targetPrefix) ? target.slice(service.targetPrefix.length) : '';
  const action = Object.hasOwn(service.actions, name) ? service.actions[name] : undefined;
  if (!action)
    throw new AwsError('UnknownOperationException', `${target || 'no X-Amz-Target'}: no such action here`);
  const input = parseBody(body);
  const { permit = permitAll, rights } = service;
  const { authorization } = request.headers;
  permit(authorization, ...rights(name, input));
  return action(input, service.state, signal, authorization);
}

function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.length === 0 ? '{}' : body.toString('utf8'));
  } catch (cause) {
    throw new AwsError('SerializationException', `the body is not JSON: ${String(cause)}`);
  }
}

function callerGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

function asAwsError(error: unknown, validationCode: string): AwsError {
  if (error instanceof AwsError) return error;
  if (error instanceof z.ZodError) return new AwsError(validationCode, z.prettifyError(error));
  return new AwsError('InternalFailure', String(error), 500);
}

function send<State>(
  service: JsonService<State>,
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string>,
): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    'content-type': service.contentType,
    'x-amzn-requestid': randomUUID(),
    ...headers,
  });
  response.end(JSON.stringify(body));
}
