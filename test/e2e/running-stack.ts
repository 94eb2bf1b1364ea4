import { readFile } from 'node:fs/promises';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, QueueAttributeName, SQSClient } from '@aws-sdk/client-sqs';
import { expect, inject } from 'vitest';
import * as z from 'zod';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';
import { until } from '../until.ts';

const PREFIX = 'servicenow-functions-dev-';
const Rows = z.object({ result: z.array(z.record(z.string(), z.unknown())) });

/** Where the shared stack answers, once it has started. */
export const endpoints = await readEndpoints(inject('endpointsFile'));

async function readEndpoints(file: string): Promise<Endpoints> {
  const outcome: { readonly endpoints: Endpoints } | { readonly failure: string } = JSON.parse(
    await until(() => readFile(file, 'utf8')),
  );
  if ('failure' in outcome) throw new Error(`the shared stack has not started: ${outcome.failure}`);
  return outcome.endpoints;
}

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
export const sqs = new SQSClient({ ...local, endpoint: endpoints.sqs.endpoint });
export const s3 = new S3Client({ ...local, endpoint: endpoints.s3.endpoint });
const lambda = new LambdaClient({ ...local, endpoint: endpoints.lambda.endpoint, maxAttempts: 1 });

/** An answer of the HTTP API with its body parsed, when it has one. */
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };

/** Calls the HTTP API; a body that is no text is sent as JSON. */
export async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(endpoints.api + path, {
    method,
    headers,
    ...(sent !== undefined && { body: sent }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** What a direct Invoke came to: the function's plain data, or the named error it threw. */
export type Invoked = {
  readonly data?: unknown;
  readonly errorType?: string;
  readonly errorMessage?: string;
};

/** Invokes a function by its key with the real SDK. */
export async function invoke(key: string, event: object): Promise<Invoked> {
  const Payload = JSON.stringify(event);
  const answer = await lambda.send(new InvokeCommand({ FunctionName: PREFIX + key, Payload }));
  const payload = JSON.parse(answer.Payload?.transformToString() ?? 'null');
  return answer.FunctionError === undefined ? { data: payload } : payload;
}

/** The rows that the instance itself holds, asked past everything of ours. */
export async function held(table: string, query: string): Promise<Record<string, unknown>[]> {
  const { url, username, password } = endpoints.instance;
  const search = new URLSearchParams({ sysparm_query: query, sysparm_exclude_reference_link: 'true' });
  const response = await fetch(`${url}/api/now/table/${table}?${search}`, {
    headers: { authorization: `Basic ${btoa(`${username}:${password}`)}`, accept: 'application/json' },
  });
  return Rows.parse(await response.json()).result;
}

/** Waits until no message of the records queue waits or is being worked on: what was sent twice has had both its chances then. */
export async function untilQueueIsEmpty(): Promise<void> {
  const AttributeNames = [
    QueueAttributeName.ApproximateNumberOfMessages,
    QueueAttributeName.ApproximateNumberOfMessagesNotVisible,
  ];
  const ask = new GetQueueAttributesCommand({ QueueUrl: endpoints.sqs.recordsQueueUrl, AttributeNames });
  await until(async () => {
    const { Attributes } = await sqs.send(ask);
    expect(Attributes).toMatchObject(Object.fromEntries(AttributeNames.map((name) => [name, '0'])));
  });
}

/** Changes a record as a person does, past everything of ours. */
export async function changeByHand(
  table: string,
  sysId: unknown,
  columns: Record<string, string>,
): Promise<void> {
  const { url, username, password } = endpoints.instance;
  const authorization = `Basic ${btoa(`${username}:${password}`)}`;
  const headers = { authorization, accept: 'application/json', 'content-type': 'application/json' };
  const body = JSON.stringify(columns);
  const response = await fetch(`${url}/api/now/table/${table}/${sysId}`, { method: 'PATCH', headers, body });
  if (!response.ok) throw new Error(`the instance answers ${response.status}: ${await response.text()}`);
}

/** A word that no other test and no earlier run uses; its beginning stands in no hexadecimal id. */
export function uniqueWord(): string {
  return `uniq${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`;
}
