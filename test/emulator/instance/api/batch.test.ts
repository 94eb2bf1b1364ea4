import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { runBatch } from '../../../../emulator/instance/api/batch.ts';
import type { Exchange } from '../../../../emulator/instance/http/exchange.ts';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

let instance: Instance;

beforeAll(async () => {
  instance = await startInstance({ demoData: false });
  instance.state.store.seed('incident', { sys_id: 'i1', short_description: 'one', number: 'INC1' });
});

afterAll(() => instance.close());

const answered = z.object({
  batch_request_id: z.string(),
  serviced_requests: z.array(
    z.object({
      id: z.string(),
      body: z.string(),
      status_code: z.number(),
      status_text: z.string(),
      headers: z.array(z.object({ name: z.string(), value: z.string() })),
      execution_time: z.number(),
    }),
  ),
  unserviced_requests: z.array(z.string()),
});

type Item = {
  id: string | number;
  method: string;
  url: string;
  body?: unknown;
  headers?: Record<string, string>;
  exclude?: boolean;
};

function toRequest({ id, method, url, body, headers = {}, exclude = true }: Item) {
  const named = Object.entries({
    'Content-Type': 'application/json',
    Accept: 'application/json',
    ...headers,
  });
  return {
    id,
    method,
    url,
    headers: named.map(([name, value]) => ({ name, value })),
    exclude_response_headers: exclude,
    ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)).toString('base64') }),
  };
}

async function batch(items: Item[], headers: Record<string, string> = {}) {
  const body = { batch_request_id: 7, rest_requests: items.map(toRequest) };
  const { status, json } = await call(instance, 'POST', '/api/now/v1/batch', { json: body, headers });
  expect(status).toBe(200);
  return answered.parse(json);
}

const decode = (text: string) => Buffer.from(text, 'base64').toString();
const getOne: Item = { id: 'get', method: 'GET', url: '/api/now/table/incident/i1?sysparm_fields=number' };

describe('a batch', () => {
  it('answers every item in order, with its own status and a base64 body, ids as text', async () => {
    const { batch_request_id: id, serviced_requests: serviced } = await batch([
      {
        id: 1,
        method: 'POST',
        url: '/api/now/table/incident?sysparm_fields=short_description',
        body: { short_description: 'ü' },
      },
      getOne,
      { id: 'gone', method: 'DELETE', url: '/api/now/table/incident/none' },
      { id: 'nowhere', method: 'GET', url: '/somewhere/else' },
      { id: 'bad', method: 'GET', url: '/api/now/table/nonsense' },
    ]);
    expect(id).toBe('7');
    expect(serviced.map((item) => [item.id, item.status_code, item.status_text])).toEqual([
      ['1', 201, 'Created'],
      ['get', 200, 'OK'],
      ['gone', 404, 'Not Found'],
      ['nowhere', 400, 'Bad Request'],
      ['bad', 400, 'Bad Request'],
    ]);
    expect(serviced.slice(0, 2).map((item) => decode(item.body))).toEqual([
      '{"result":{"short_description":"ü"}}',
      '{"result":{"number":"INC1"}}',
    ]);
    expect(decode(serviced[3]?.body ?? '')).toContain('Requested URI does not represent any resource');
  });

  it('lets an item see what the one before it wrote', async () => {
    const sysId = '0123456789abcdef0123456789abcdef';
    const { serviced_requests: serviced } = await batch([
      { id: 'a', method: 'POST', url: '/api/now/table/incident', body: { sys_id: sysId } },
      { id: 'b', method: 'POST', url: '/api/now/table/incident', body: { sys_id: sysId } },
      { id: 'c', method: 'DELETE', url: `/api/now/table/incident/${sysId}` },
    ]);
    expect(serviced.map((item) => item.status_code)).toEqual([201, 403, 204]);
    expect(serviced[2]?.body).toBe('');
  });

  it('gives the headers of an item unless they are not wanted', async () => {
    const url = '/api/now/table/incident?sysparm_limit=1&sysparm_fields=number';
    const { serviced_requests: serviced } = await batch([
      { ...getOne, url },
      { ...getOne, url, exclude: false },
    ]);
    expect(serviced[0]?.headers).toEqual([]);
    expect(serviced[1]?.headers).toContainEqual({ name: 'X-Total-Count', value: expect.any(String) });
    expect(serviced[1]?.headers).toContainEqual({
      name: 'Content-Type',
      value: 'application/json;charset=UTF-8',
    });
  });

  it('answers an item in XML when it asks for that', async () => {
    const { serviced_requests: serviced } = await batch([
      { ...getOne, headers: { Accept: 'application/xml' } },
    ]);
    expect(decode(serviced[0]?.body ?? '')).toContain(
      '<response><result><number>INC1</number></result></response>',
    );
  });

  it('keeps the version segment of the item in its links', async () => {
    const item = { ...getOne, method: 'POST', url: '/api/now/v2/table/incident', body: {}, exclude: false };
    const { serviced_requests: serviced } = await batch([item]);
    const location = serviced[0]?.headers.find((header) => header.name === 'Location')?.value;
    expect(location).toContain(`${instance.url}/api/now/v2/table/incident/`);
  });

  it('refuses what is no batch', async () => {
    const noJson = await call(instance, 'POST', '/api/now/v1/batch', {
      body: '{',
      headers: { 'content-type': 'application/json' },
    });
    const noItems = await call(instance, 'POST', '/api/now/v1/batch', { json: { batch_request_id: '1' } });
    expect([noJson.status, noItems.status]).toEqual([400, 400]);
    expect(noItems.json).toMatchObject({ error: { message: 'Exception while reading request' } });
  });
});

describe('the limits of a batch', () => {
  it('leaves an item with too long a body unserviced, and those after it', async () => {
    const long = {
      ...getOne,
      id: 'long',
      method: 'POST',
      url: '/api/now/table/incident',
      body: { description: 'x'.repeat(5_242_880) },
    };
    const { serviced_requests: serviced, unserviced_requests: unserviced } = await batch([
      getOne,
      long,
      { ...getOne, id: 'after' },
    ]);
    expect([serviced.map(({ id }) => id), unserviced]).toEqual([['get'], ['long', 'after']]);
  });

  it('leaves an item with too long an answer unserviced although it was done', async () => {
    const write = {
      id: 'write',
      method: 'PATCH',
      url: '/api/now/table/incident/i1',
      body: { short_description: 'done' },
    };
    const limit = { 'X-BATCHREQUEST-MAX-OUTPUT-SIZE': '100' };
    const { serviced_requests: serviced, unserviced_requests: unserviced } = await batch(
      [getOne, write, { ...getOne, id: 'after' }],
      limit,
    );
    expect([serviced.map(({ id }) => id), unserviced]).toEqual([['get'], ['write', 'after']]);
    expect(instance.state.store.find('incident', 'i1')?.['short_description']).toBe('done');
  });

  it('begins no item once thirty seconds have gone by', async () => {
    const { state } = instance;
    state.clock.freeze();
    const dispatch: typeof state.dispatch = async (exchange) => {
      await state.clock.advance(16_000);
      return state.dispatch(exchange);
    };
    const body = { rest_requests: ['a', 'b', 'c', 'd'].map((id) => toRequest({ ...getOne, id })) };
    const { json } = await runBatch(outerExchange(body), { ...state, dispatch });
    state.clock.reset();
    const { serviced_requests: serviced, unserviced_requests: unserviced } = answered.parse(json);
    expect([serviced.map(({ id }) => id), unserviced]).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(serviced[0]?.execution_time).toBe(16_000);
  });
});

function outerExchange(body: unknown): Exchange {
  return {
    method: 'POST',
    segments: ['batch'],
    version: 'v1',
    url: new URL(`${instance.url}/api/now/v1/batch`),
    headers: {},
    body: Buffer.from(JSON.stringify(body)),
    user: {
      sysId: 'u1',
      userName: 'someone',
      name: 'Someone',
      timeZone: 'UTC',
      dateFormat: '',
      timeFormat: '',
      roles: new Set(['admin']),
    },
    transaction: { cut: () => undefined, wait: async () => undefined },
  };
}
