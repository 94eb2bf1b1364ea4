import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { readConfig, selectInstance } from '../../../lib/core/config.ts';
import type { HttpResponse } from '../../../lib/gateway/http-response.ts';
import { getRecords } from '../../../lib/operations/table.ts';
import { operationHandler } from '../../../lib/runtime.ts';
import type { CallContext, ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import { gatewayDeps } from './gateway-deps.ts';
import { httpEvent, lambdaContext } from './lambda-events.ts';

const startMs = Date.UTC(2026, 0, 1);

const twoInstances = readConfig({
  SERVICENOW_SECRET_ID: '{"prod":"servicenow/prod","dev":"servicenow/dev"}',
  ALLOWED_TABLES: '{"prod":"incident","dev":"*"}',
});

/** getRecords in front of instances that answer with `result`; `sent` holds what each of them got. */
function serveBefore(result: unknown, config = twoInstances) {
  const sent: {
    readonly instance: string;
    readonly request: ServiceNowRequest;
    readonly context: CallContext;
  }[] = [];
  const connect = (name?: string) => {
    const instance = selectInstance(config, name);
    const send = async (request: ServiceNowRequest, context: CallContext) => {
      sent.push({ instance: instance.name, request, context });
      return { status: 200, headers: {}, body: { result }, attempts: 1 };
    };
    return { instance, client: { send, close: async () => {} } };
  };
  const clock = { ...systemClock, now: () => startMs };
  const handler = operationHandler(getRecords, () => gatewayDeps(config, connect, { clock }));
  const http = async (url: string, headers: Record<string, string> = {}): Promise<Partial<HttpResponse>> => ({
    ...Object(await handler(httpEvent({ url, headers }), lambdaContext())),
  });
  const invoke = (event: unknown) => handler(event, lambdaContext());
  return { sent, http, invoke };
}

const list = '/api/now/table/incident';

describe('an answer that Lambda cannot carry', () => {
  const { http, invoke } = serveBefore(['x'.repeat(7 * 1024 * 1024)]);

  it('goes out over HTTP compressed', async () => {
    const {
      statusCode,
      headers,
      body = '',
      isBase64Encoded,
    } = await http(list, { 'accept-encoding': 'gzip' });
    expect([statusCode, headers?.['content-encoding'], isBase64Encoded]).toEqual([200, 'gzip', true]);
    expect(gunzipSync(Buffer.from(body, 'base64'))).toHaveLength(7 * 1024 * 1024 + '{"result":[""]}'.length);
  });

  it('is 413 with advice for a caller that takes no gzip', async () => {
    const { statusCode, body = '' } = await http(list);
    expect(statusCode).toBe(413);
    expect(JSON.parse(body)).toMatchObject({
      status: 'failure',
      error: { message: 'Answer too large', detail: expect.stringContaining('Accept-Encoding: gzip') },
    });
  });

  it('is an error by name in a direct Invoke', async () => {
    await expect(invoke({ tableName: 'incident' })).rejects.toMatchObject({
      name: 'AnswerTooLargeError',
      message: expect.stringContaining('sysparm_limit'),
    });
  });
});

it('passes unknown ServiceNow parameters on to the instance, in addition to its own', async () => {
  const { sent, http } = serveBefore([]);
  await http(`${list}?sysparm_limit=5&sysparm_new=a%26b`);
  expect(String(sent[0]?.request.query)).toBe('sysparm_limit=5&sysparm_new=a%26b');
});

describe('a caller’s correlation id', () => {
  it('goes with the call, whichever way it came', async () => {
    const { sent, http, invoke } = serveBefore([]);
    await http(list, { 'X-Correlation-Id': 'order-4711' });
    await http(list);
    await invoke({ tableName: 'incident', correlationId: 'order-4712' });
    expect(sent.map(({ context }) => context.correlationId)).toEqual([
      'order-4711',
      'gateway-1',
      'order-4712',
    ]);
  });

  it('is replaced when it could break a log line or a header', async () => {
    const { sent, http } = serveBefore([]);
    await http(list, { 'x-correlation-id': 'a\r\nx-evil: 1' });
    expect(sent[0]?.context.correlationId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('the instance that a caller names', () => {
  it('gets the call, whichever way it came; the first gets the others', async () => {
    const { sent, http, invoke } = serveBefore([]);
    await http(list);
    await http(list, { 'x-servicenow-instance': 'dev' });
    await invoke({ tableName: 'incident', instance: 'dev' });
    expect(sent.map(({ instance }) => instance)).toEqual(['prod', 'dev', 'dev']);
  });

  it('decides which tables may be named', async () => {
    const { http } = serveBefore([]);
    expect((await http('/api/now/table/problem')).statusCode).toBe(403);
    expect((await http('/api/now/table/problem', { 'x-servicenow-instance': 'dev' })).statusCode).toBe(200);
  });

  it.each(['absent', '__proto__'])('is refused when there is none of the name %s', async (name) => {
    const { statusCode, body = '' } = await serveBefore([]).http(list, { 'x-servicenow-instance': name });
    expect(statusCode).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: { message: 'No such instance' } });
  });
});

it('says that a deployment without a secret is not set up, which is not its caller’s fault', async () => {
  const { statusCode, body = '' } = await serveBefore([], readConfig({})).http(list);
  expect(statusCode).toBe(500);
  expect(JSON.parse(body)).toMatchObject({
    error: { detail: expect.stringContaining('SERVICENOW_SECRET_ID') },
  });
});

it('asks for silence only where there is something to be silent about', async () => {
  const { sent, http } = serveBefore([]);
  await http(list, { 'x-no-response-body': 'true' });
  expect(sent[0]?.request.headers).toBeUndefined();
});

describe('the time that a call has', () => {
  it('ends half a second before Lambda’s own, so that there is some left to say so', async () => {
    const { sent, http } = serveBefore([]);
    await http(list);
    expect(sent[0]?.context.deadline.atMs).toBe(startMs + 29_000 - 500);
  });
});
