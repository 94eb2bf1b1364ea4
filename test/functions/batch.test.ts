import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod/mini';
import { postBatch } from '../../lib/operations/batch.ts';
import { postMethodOverride } from '../../lib/operations/method-override.ts';
import { getRecordById, getRecords, postRecord } from '../../lib/operations/table.ts';
import { startDeployment } from './emulated.ts';

const sysId = 'c'.repeat(32);

async function openDeployment(environment: Record<string, string> = {}) {
  const deployment = await startDeployment({ ALLOWED_TABLES: 'incident,sys_user', ...environment });
  onTestFinished(() => deployment.close());
  const { store } = deployment.instance.state;
  const caller = String(store.select('sys_user', { limit: 1 })[0]?.['sys_id']);
  store.seed('incident', { sys_id: sysId, number: 'INC1', short_description: 'one', caller_id: caller });
  return deployment;
}

type Part = Readonly<Record<string, unknown>>;

async function batch(parts: readonly Part[], environment: Record<string, string> = {}) {
  const deployment = await openDeployment(environment);
  const body = JSON.stringify({ batch_request_id: '7', rest_requests: parts });
  const answer = await deployment.serve(postBatch).http({ method: 'POST', url: '/api/now/v1/batch', body });
  const { serviced_requests = [], unserviced_requests } = Object(answer.body);
  const parse = (text: string) =>
    text === '' ? undefined : JSON.parse(Buffer.from(text, 'base64').toString());
  const serviced: { id: string; status: number; body: unknown; headers: unknown }[] = serviced_requests.map(
    (one: { id: string; status_code: number; body: string; headers: unknown }) => ({
      id: one.id,
      status: one.status_code,
      body: parse(one.body),
      headers: one.headers,
    }),
  );
  return { deployment, answer, serviced, unserviced: unserviced_requests };
}

const encoded = (body: object) => Buffer.from(JSON.stringify(body)).toString('base64');
const json = [{ name: 'Content-Type', value: 'application/json' }];

describe('a batch', () => {
  it('takes calls and parameters as clients write them', async () => {
    const url = `/api/now/table/incident/${sysId}`;
    const deployment = await openDeployment();
    const parts = [
      { id: '1', method: null, url, headers: null },
      { id: '2', url, headers: { Accept: 'application/json' }, exclude_response_headers: 'True' },
      { id: '3', method: 'DELETE', url, headers: [{ name: 'Accept', value: 'application/xml' }] },
    ];
    const body = JSON.stringify({ rest_requests: parts, enforce_order: true, batch_request_id: null });
    const answer = await deployment.serve(postBatch).http({ method: 'POST', url: '/api/now/batch', body });
    expect(answer.body).toMatchObject({
      serviced_requests: [{ status_code: 200 }, { status_code: 200, headers: [] }, { status_code: 204 }],
    });
  });

  it('carries its calls out in order and answers each, as an instance does', async () => {
    const { deployment, answer, serviced, unserviced } = await batch([
      {
        id: 'a',
        method: 'POST',
        url: '/api/now/table/incident',
        headers: json,
        body: encoded({ sys_id: 'd'.repeat(32), short_description: 'two' }),
      },
      {
        id: 'b',
        method: 'PATCH',
        url: `/api/now/table/incident/${'d'.repeat(32)}`,
        headers: json,
        body: encoded({ urgency: '1' }),
      },
      { id: 3, method: 'GET', url: `/api/now/v2/table/incident/${'d'.repeat(32)}?sysparm_fields=urgency` },
      { id: 'd', method: 'DELETE', url: `/api/now/table/incident/${'d'.repeat(32)}` },
    ]);
    expect(answer).toMatchObject({ statusCode: 200, body: { batch_request_id: '7' } });
    expect(serviced.map(({ id, status }) => [id, status])).toEqual([
      ['a', 201],
      ['b', 200],
      ['3', 200],
      ['d', 204],
    ]);
    expect(serviced[2]?.body).toEqual({ result: { urgency: '1' } });
    expect(unserviced).toEqual([]);
    expect(deployment.instance.state.store.find('incident', 'd'.repeat(32))).toBeUndefined();
  });

  it('checks each call like one of its own', async () => {
    const { serviced, deployment } = await batch([
      { id: '1', method: 'GET', url: '/api/now/table/problem' },
      { id: '2', method: 'GET', url: '/api/now/table/sys%5Fuser%5Fgroup' },
      { id: '3', method: 'GET', url: '/api/now/table/incident/..%2F..%2Ftable%2Fproblem' },
      {
        id: '4',
        method: 'POST',
        url: '/api/now/v1/batch',
        headers: json,
        body: encoded({ rest_requests: [] }),
      },
      { id: '5', method: 'GET', url: '/api/now/ui/user' },
      { id: '6', method: 'POST', url: '/api/now/table/incident', headers: json, body: encoded([1]) },
      { id: '7', method: 'GET', url: 'https://evil.example/api/now/table/problem' },
      {
        id: '8',
        method: 'POST',
        url: '/api/now/table/incident',
        headers: json,
        body: Buffer.alloc(5_300_000, 32).toString('base64'),
      },
      { id: '9', method: 'GET', url: `/api/now/table/incident/${sysId}?sysparm_fields=number` },
      { id: '10', method: 'GET', url: `api/now/table/incident/${sysId}?sysparm_fields=number` },
      { id: '11', method: 'GET', url: 'api/now/table/problem' },
    ]);
    expect(serviced.map(({ status }) => status)).toEqual([
      403, 403, 400, 400, 400, 400, 403, 413, 200, 200, 403,
    ]);
    expect(serviced[8]?.body).toEqual({ result: { number: 'INC1' } });
    expect(deployment.instance.state.store.count('incident')).toBeGreaterThan(0);
  });

  it('points links in the answers to the address that was called, and leaves headers out on request', async () => {
    const part = { method: 'GET', url: `/api/now/table/incident/${sysId}?sysparm_fields=caller_id` };
    const { serviced, deployment } = await batch([
      { id: '1', ...part },
      { id: '2', ...part, exclude_response_headers: true },
    ]);
    expect(JSON.stringify(serviced)).not.toContain(new URL(deployment.instance.url).host);
    expect(JSON.stringify(serviced[0]?.body)).toContain(
      'https://abc123.execute-api.eu-west-1.amazonaws.com/api/now',
    );
    expect(serviced[0]?.headers).not.toEqual([]);
    expect(serviced[1]?.headers).toEqual([]);
  });

  it('spells the names of headers as an instance does', async () => {
    const { serviced } = await batch([
      { id: '1', method: 'GET', url: '/api/now/table/incident?sysparm_limit=1' },
    ]);
    const names = (headers: unknown) => z.array(z.object({ name: z.string() })).parse(headers);
    expect(names(serviced[0]?.headers).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Content-Type', 'Link', 'X-Total-Count', 'X-Transaction-ID']),
    );
  });

  it('takes only the methods that the deployment allows', async () => {
    const { serviced, deployment } = await batch(
      [
        { id: '1', method: 'DELETE', url: `/api/now/table/incident/${sysId}` },
        {
          id: '2',
          method: 'POST',
          url: `/api/now/table/incident/${sysId}`,
          headers: [{ name: 'X-HTTP-Method-Override', value: 'DELETE' }],
        },
        { id: '3', url: `/api/now/table/incident/${sysId}?sysparm_fields=number` },
      ],
      { BATCH_METHODS: 'get' },
    );
    expect(serviced.map(({ status }) => status)).toEqual([403, 403, 200]);
    expect(deployment.instance.state.store.find('incident', sysId)).toBeDefined();
  });

  it('reports what a write did, also when its answer has no room', async () => {
    const deployment = await openDeployment();
    const large = {
      status: 200,
      headers: {},
      body: { result: { description: 'x'.repeat(3_000_000) } },
      attempts: 1,
    };
    const url = `/api/now/table/incident/${sysId}`;
    const write = { method: 'PATCH', url, headers: json, body: encoded({ urgency: '1' }) };
    const parts = [write, write, { method: 'GET', url }].map((one, index) => ({ id: index, ...one }));
    const body = JSON.stringify({ rest_requests: parts });
    const served = deployment.serve(postBatch, (client) => ({ ...client, send: async () => large }));
    const answer = await served.http({ method: 'POST', url: '/api/now/batch', body });
    const { serviced_requests } = Object(answer.body);
    expect(serviced_requests).toMatchObject([
      { status_code: 200 },
      { status_code: 200, body: '', error_message: expect.stringContaining('6 MB') },
      { status_code: 413, body: '' },
    ]);
  });

  it.each([
    ['{}', /rest_requests|restRequests/],
    ['{"rest_requests":{}}', /rest_requests/],
    ['{"rest_requests":[{"id":"1"}]}', /url/],
    ['{"rest_requests":[null]}', /rest_requests/],
    ['{"rest_requests":[{"id":"1","url":"/api/now/table/incident","body":"{\\"urgency\\":1}"}]}', /base64/],
  ])('is refused when it is %s', async (body, reason) => {
    const deployment = await openDeployment();
    const answer = await deployment.serve(postBatch).http({ method: 'POST', url: '/api/now/batch', body });
    expect(answer).toMatchObject({
      statusCode: 400,
      body: { error: { detail: expect.stringMatching(reason) } },
    });
  });
});

describe('HEAD', () => {
  it('is answered as GET without the body, errors too', async () => {
    const deployment = await openDeployment();
    const head = (operation: typeof getRecords, url: string) =>
      deployment.serve(operation).http({ method: 'HEAD', url });
    expect(await head(getRecords, '/api/now/table/incident?sysparm_limit=1')).toMatchObject({
      statusCode: 200,
      headers: { 'x-total-count': expect.any(String) },
      body: undefined,
    });
    expect(await head(getRecordById, '/api/now/table/incident/0')).toMatchObject({
      statusCode: 404,
      body: undefined,
    });
  });
});

describe('X-HTTP-Method-Override', () => {
  const request = (override: string, url = `/api/now/table/incident/${sysId}`) => ({
    method: 'POST',
    url,
    headers: { 'x-http-method-override': override },
  });

  it('is refused unless the deployment allows the method, since the permission to POST is none to delete', async () => {
    const deployment = await openDeployment({ METHOD_OVERRIDES: 'GET' });
    for (const override of ['DELETE', 'delete', ' DELETE '])
      expect((await deployment.serve(postMethodOverride).http(request(override))).statusCode).toBe(403);
    expect(
      (await deployment.serve(postRecord).http(request('DELETE', '/api/now/table/incident'))).statusCode,
    ).toBe(403);
    expect(
      (await deployment.serve(getRecordById).http({ ...request('DELETE'), method: 'GET' })).statusCode,
    ).toBe(403);
    expect(deployment.instance.state.store.find('incident', sysId)).toBeDefined();
  });

  it('counts in a call of a batch as in a call of its own: a POST that means DELETE creates nothing', async () => {
    const override = (value: string) => ({
      id: 'a',
      method: 'POST',
      url: `/api/now/table/incident/${sysId}`,
      headers: [...json, { name: 'X-HTTP-Method-Override', value }],
    });
    const list = { ...override('GET'), url: '/api/now/table/incident?number=INC1&sysparm_fields=number' };
    const refused = await batch([override('DELETE'), list]);
    expect(refused.serviced.map(({ status }) => status)).toEqual([403, 403]);
    expect(refused.deployment.instance.state.store.find('incident', sysId)).toBeDefined();
    const narrowed = { METHOD_OVERRIDES: 'GET,DELETE', BATCH_METHODS: 'POST,GET' };
    const narrow = await batch([override('DELETE'), list], narrowed);
    expect(narrow.serviced).toMatchObject([
      { status: 403 },
      { status: 200, body: { result: [{ number: 'INC1' }] } },
    ]);
    const wide = await batch([override('DELETE')], { METHOD_OVERRIDES: 'DELETE' });
    expect(wide.serviced).toMatchObject([{ status: 204 }]);
    expect(wide.deployment.instance.state.store.find('incident', sysId)).toBeUndefined();
  });

  it('is carried out as the method that it names where the deployment allows it', async () => {
    const deployment = await openDeployment({ METHOD_OVERRIDES: 'GET,DELETE' });
    const list = request('GET', '/api/now/table/incident?number=INC1&sysparm_fields=number');
    expect(await deployment.serve(postRecord).http(list)).toMatchObject({
      statusCode: 200,
      body: { result: [{ number: 'INC1' }] },
    });
    const other = request('GET', '/api/now/table/problem');
    expect((await deployment.serve(postRecord).http(other)).statusCode).toBe(403);
    expect((await deployment.serve(postMethodOverride).http(request('DELETE'))).statusCode).toBe(204);
    expect(deployment.instance.state.store.find('incident', sysId)).toBeUndefined();
  });
});
