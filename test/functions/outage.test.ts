import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { readConfig, selectInstance } from '../../lib/core/config.ts';
import { getRecords, postRecord } from '../../lib/operations/table.ts';
import { operationHandler } from '../../lib/runtime.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { createClient } from '../../lib/servicenow/client.ts';
import { gatewayDeps } from '../lib/gateway/gateway-deps.ts';
import { httpEvent, lambdaContext } from '../lib/gateway/lambda-events.ts';

const config = readConfig({ SERVICENOW_SECRET_ID: 'x', ALLOWED_TABLES: '*', ALLOWED_HOSTS: '127.0.0.1' });
let server: Server | undefined;
let client: ServiceNowClient | undefined;

afterEach(async () => {
  await client?.close();
  server?.closeAllConnections();
  server?.close();
});

/** Functions in front of an instance that does nothing but answer like this. */
async function functionsBefore(answer: RequestListener) {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const auth = { type: 'basic', username: 'u', password: 'p' };
  const secret = JSON.stringify({ instanceUrl: `http://127.0.0.1:${port}`, auth });
  const opened = createClient({
    readSecret: async () => secret,
    allowedHosts: config.allowedHosts,
    maxAttempts: 1,
  });
  client = opened;
  const connect = () => ({ instance: selectInstance(config), client: opened });
  const deps = gatewayDeps(config, connect);
  return { list: operationHandler(getRecords, () => deps), create: operationHandler(postRecord, () => deps) };
}

const listing = httpEvent({ url: '/api/now/table/incident' });
const creating = httpEvent({ method: 'POST', url: '/api/now/table/incident', body: '{}' });
const page =
  (status: number): RequestListener =>
  (_request, response) => {
    response
      .writeHead(status, { 'content-type': 'text/html', 'retry-after': '7' })
      .end('<html>sleeping</html>');
  };

describe('an instance that does not answer', () => {
  it('is 503 with Retry-After and ServiceNow’s envelope while it is asleep', async () => {
    const { list } = await functionsBefore((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Instance Hibernating page</html>');
    });
    const answer = await list(listing, lambdaContext());
    expect(answer).toMatchObject({
      statusCode: 503,
      headers: { 'retry-after': expect.stringMatching(/^\d+$/), 'x-error-code': 'INSTANCE_ASLEEP' },
    });
    expect(JSON.parse(Object(answer).body)).toMatchObject({
      status: 'failure',
      error: { message: expect.any(String), detail: expect.any(String) },
    });
  });

  it('is 503 with the instance’s own Retry-After while it restarts', async () => {
    const { list } = await functionsBefore(page(503));
    expect(await list(listing, lambdaContext())).toMatchObject({
      statusCode: 503,
      headers: { 'retry-after': '7' },
    });
  });

  it('is 503 when something else answers in its place', async () => {
    const { list } = await functionsBefore(page(302));
    expect(await list(listing, lambdaContext())).toMatchObject({
      statusCode: 503,
      headers: { 'x-error-code': 'NOT_SERVICENOW' },
      body: expect.stringContaining('single sign-on'),
    });
  });

  it('is 503 with Retry-After when it cannot be reached', async () => {
    const { list } = await functionsBefore(page(200));
    server?.close();
    server?.closeAllConnections();
    expect(await list(listing, lambdaContext())).toMatchObject({
      statusCode: 503,
      headers: { 'retry-after': '30' },
    });
  });

  it('is 504 when it broke the call off after a minute, as a second try would end alike', async () => {
    const cancelled = {
      error: { message: 'Transaction cancelled: maximum execution time exceeded', detail: '' },
    };
    const { list } = await functionsBefore((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ result: [{ number: 'INC1' }], ...cancelled, status: 'failure' }));
    });
    const answer = Object(await list(listing, lambdaContext()));
    expect(answer).toMatchObject({ statusCode: 504, headers: { 'x-error-code': 'TRANSACTION_CANCELLED' } });
    expect(answer.body).not.toContain('INC1');
  });

  it('is 502 when an answer with status 200 also holds any other error', async () => {
    const { list } = await functionsBefore((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        '{"result":[{"number":"INC1"}],"error":{"message":"Broken","detail":null},"status":"failure"}',
      );
    });
    expect(await list(listing, lambdaContext())).toMatchObject({
      statusCode: 502,
      headers: { 'x-error-code': 'INSTANCE_ERROR' },
      body: expect.stringContaining('Broken'),
    });
  });

  it.each([
    [29_000, 'ANSWER_LOST'],
    [100, 'DEADLINE_EXCEEDED'],
  ])('is 503 with Retry-After when %i ms were left and it came to %s', async (leftMs, code) => {
    const { list } = await functionsBefore((request) => request.socket.destroy());
    expect(await list(listing, lambdaContext(leftMs))).toMatchObject({
      statusCode: 503,
      headers: { 'x-error-code': code, 'retry-after': '30' },
    });
  });

  it('is 504 without Retry-After after a write that may have been carried out', async () => {
    const { create } = await functionsBefore((request) => request.on('data', () => request.socket.destroy()));
    const answer = await create(creating, lambdaContext());
    expect(answer).toMatchObject({ statusCode: 504, headers: { 'x-error-code': 'OUTCOME_UNKNOWN' } });
    expect(Object(answer).headers).not.toHaveProperty('retry-after');
  });

  it('does not invite a retry of a write that it may have carried out before it went down', async () => {
    const goingDown: RequestListener = (request, response) =>
      request.resume().on('end', () => page(503)(request, response));
    const { create } = await functionsBefore(goingDown);
    const answer = Object(await create(creating, lambdaContext()));
    expect(answer).toMatchObject({ statusCode: 504, headers: { 'x-error-code': 'OUTCOME_UNKNOWN' } });
    expect(answer.headers).not.toHaveProperty('retry-after');
  });

  it('says to a direct Invoke, too, that its write may have succeeded', async () => {
    const goingDown: RequestListener = (request, response) =>
      request.resume().on('end', () => page(503)(request, response));
    const { create } = await functionsBefore(goingDown);
    await expect(create({ tableName: 'incident', record: {} }, lambdaContext(2_000))).rejects.toMatchObject({
      name: 'UnknownOutcomeError',
      message: expect.stringContaining('may have succeeded'),
    });
  });

  it('is an error with its own name in a direct Invoke', async () => {
    const { list } = await functionsBefore(page(503));
    const failure = list({ tableName: 'incident' }, lambdaContext());
    await expect(failure).rejects.toMatchObject({ name: 'InstanceUnavailableError' });
  });
});

describe('an instance that refuses the credentials of the deployment', () => {
  const refusing =
    (status: number, message: string): RequestListener =>
    (_request, response) => {
      response.writeHead(status, {
        'content-type': 'application/json',
        'www-authenticate': 'Basic realm="Service-now"',
      });
      response.end(JSON.stringify({ error: { message, detail: null }, status: 'failure' }));
    };

  it.each([
    [401, 'User Not Authenticated', 'CREDENTIALS_REJECTED', 'check the secret'],
    [403, 'Access to unscoped api is not allowed', 'SCOPE_MISSING', 'useraccount'],
  ])(
    'is 502, never the %i that a caller with good credentials would take for its own: %s',
    async (...said) => {
      const [status, message, code, advice] = said;
      const { list, create } = await functionsBefore(refusing(status, message));
      for (const call of [list(listing, lambdaContext()), create(creating, lambdaContext())]) {
        const answer = Object(await call);
        expect(answer).toMatchObject({ statusCode: 502, headers: { 'x-error-code': code } });
        expect(answer.headers).not.toHaveProperty('www-authenticate');
        expect(JSON.parse(answer.body)).toMatchObject({
          error: {
            message: 'The instance refuses the credentials of the deployment',
            detail: expect.stringContaining(advice),
          },
          status: 'failure',
        });
      }
    },
  );
});

it('a call that is refused without being sent carries no transaction id of an earlier one', async () => {
  let received = 0;
  const { list } = await functionsBefore((_request, response) => {
    received += 1;
    response.writeHead(401, { 'content-type': 'application/json', 'x-transaction-id': `t${received}` });
    response.end('{"error":{"message":"User Not Authenticated","detail":null},"status":"failure"}');
  });
  const carried: (string | undefined)[] = [];
  const sent: boolean[] = [];
  for (let call = 0; call < 6; call += 1) {
    const before = received;
    const answer = Object(await list(listing, lambdaContext()));
    expect(answer).toMatchObject({ statusCode: 502, headers: { 'x-error-code': 'CREDENTIALS_REJECTED' } });
    sent.push(received > before);
    carried.push(answer.headers['x-transaction-id']);
    expect(answer.headers['x-transaction-id']).toBe(received > before ? `t${received}` : undefined);
  }
  expect(sent).toContain(false);
  expect(carried[0]).toMatch(/^t\d$/);
});

describe('an instance that throttles', () => {
  it('is passed on with all it says about its limits', async () => {
    const body = {
      error: { message: 'Rate limit exceeded', detail: 'Rate limit of 100' },
      status: 'failure',
    };
    const { list } = await functionsBefore((_request, response) => {
      const limits = {
        'x-ratelimit-limit': '100',
        'x-ratelimit-reset': '1',
        'x-ratelimit-rule': 'r',
        'retry-after': '9',
      };
      response.writeHead(429, {
        'content-type': 'application/json',
        'x-transaction-id': 't1',
        'set-cookie': 'a=b',
        ...limits,
      });
      response.end(JSON.stringify(body));
    });
    const answer = await list(listing, lambdaContext());
    expect(answer).toEqual({
      statusCode: 429,
      headers: {
        'content-type': 'application/json;charset=UTF-8',
        'retry-after': '9',
        'x-error-code': 'THROTTLED',
        'x-ratelimit-limit': '100',
        'x-ratelimit-reset': '1',
        'x-ratelimit-rule': 'r',
        'x-transaction-id': 't1',
      },
      body: JSON.stringify(body),
    });
  });

  it('is 429 with the time left when the call is not sent because of its limits', async () => {
    const { list } = await functionsBefore((_request, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '50' });
      response.end('{"error":{"message":"Rate limit exceeded","detail":null},"status":"failure"}');
    });
    await list(listing, lambdaContext());
    const answer = Object(await list(listing, lambdaContext()));
    expect(answer).toMatchObject({ statusCode: 429, headers: { 'x-error-code': 'THROTTLED' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(40);
    expect(answer.body).toContain('nothing was sent');
  });
});
