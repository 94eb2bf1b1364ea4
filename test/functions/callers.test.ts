import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../lib/operations/catalog.ts';
import { httpEvent, lambdaContext } from '../lib/gateway/lambda-events.ts';
import { type EmulatedDeployment, startDeployment } from './emulated.ts';

const role = (name: string) => `arn:aws:sts::111122223333:assumed-role/${name}/session`;

const callers = JSON.stringify({
  'arn:aws:iam::111122223333:role/apps/reader': { incident: ['GET'], sys_user: ['GET'] },
  'arn:aws:iam::111122223333:role/writer': { incident: ['GET', 'POST', 'PATCH'] },
  'arn:aws:iam::111122223333:role/admin': { '*': ['*'] },
  'sub:ada': { problem: ['GET'] },
  'scope:incident/read': { incident: ['get'] },
});

let deployment: EmulatedDeployment;
beforeAll(async () => {
  deployment = await startDeployment({ CALLERS: callers, ALLOWED_TABLES: 'incident,problem,sys_user' });
});
afterAll(() => deployment.close());

const iam = (userArn: string) => ({ iam: { userArn } });
const token = (sub: string, scope = '') => ({ jwt: { claims: { sub, scope } } });

/** Calls an operation as API Gateway does for an authorized caller. */
async function call(name: string, authorizer: object, url: string, method = 'GET', body?: object) {
  const operation = operations.find((one) => one.name === name);
  if (operation === undefined) throw new Error(`${name} is no operation`);
  const text = body && JSON.stringify(body);
  const event = httpEvent({
    method,
    url,
    ...(text && { body: text }),
    headers: { 'content-type': 'application/json' },
  });
  const handler = deployment.handler(operation);
  const withCaller = { ...event, requestContext: { ...event.requestContext, authorizer } };
  const answer: unknown = await handler(withCaller, lambdaContext());
  const { statusCode, body: answered }: Record<string, unknown> = { ...Object(answer) };
  return { status: statusCode, text: String(answered) };
}

describe('rights of callers', () => {
  it.each([
    [iam(role('reader')), 'getRecords', '/api/now/table/incident?sysparm_limit=1', 'GET'],
    [iam(role('writer')), 'postRecord', '/api/now/table/incident', 'POST'],
    [iam(role('admin')), 'getRecords', '/api/now/table/problem?sysparm_limit=1', 'GET'],
    [token('ada'), 'getRecords', '/api/now/table/problem?sysparm_limit=1', 'GET'],
    [token('eve', 'incident/read'), 'getRecords', '/api/now/v2/table/incident?sysparm_limit=1', 'GET'],
    [iam(role('reader')), 'getRecords', '/api/now/table/incident?sysparm_limit=1', 'HEAD'],
    [
      iam(role('reader')),
      'getRecords',
      '/api/now/table/incident?sysparm_limit=1&sysparm_fields=caller_id.name',
      'GET',
    ],
  ])('let %j %s', async (authorizer, name, url, method) => {
    const body = method === 'POST' ? { short_description: 'from a caller' } : undefined;
    const { status, text } = await call(name, authorizer, url, method, body);
    expect([status, text]).toEqual([method === 'POST' ? 201 : 200, expect.anything()]);
  });

  it.each([
    [
      iam(role('reader')),
      'postRecord',
      '/api/now/table/incident',
      'POST',
      'reader/session may not POST incident',
    ],
    [
      iam(role('writer')),
      'getRecords',
      '/api/now/table/problem',
      'GET',
      'writer/session may not GET problem',
    ],
    [
      iam(role('stranger')),
      'getRecords',
      '/api/now/table/incident',
      'GET',
      'stranger/session may not GET incident',
    ],
    [token('eve'), 'getRecords', '/api/now/table/incident', 'GET', 'jwt:eve may not GET incident'],
    [token('eve', 'incident/readers'), 'getRecords', '/api/now/table/incident', 'GET', 'jwt:eve may not GET'],
    [{}, 'getRecords', '/api/now/table/incident', 'GET', 'the caller may not GET incident'],
    [
      iam('arn:aws:sts::999999999999:assumed-role/admin/s'),
      'getRecords',
      '/api/now/table/incident',
      'GET',
      'may not',
    ],
  ])(
    'keep %j from %s %s with a 403 that names caller, method and table',
    async (authorizer, name, url, method, reason) => {
      const before = deployment.instance.state.ledger.select({}).length;
      const body = method === 'POST' ? { short_description: 'x' } : undefined;
      const { status, text } = await call(name, authorizer, url, method, body);
      expect([status, text]).toEqual([403, expect.stringContaining(reason)]);
      expect(deployment.instance.state.ledger.select({})).toHaveLength(before);
    },
  );

  it('hold for what a query reads by reference', async () => {
    const url = '/api/now/table/incident?sysparm_limit=1&sysparm_fields=caller_id.name';
    const { status, text } = await call('getRecords', iam(role('writer')), url);
    expect([status, text]).toEqual([403, expect.stringContaining('sys_user')]);
  });

  it('hold for each call inside a batch', async () => {
    const part = (id: string, url: string) => ({ id, url, method: 'GET', headers: [] });
    const parts = [
      part('1', '/api/now/table/incident?sysparm_limit=1'),
      part('2', '/api/now/table/problem?sysparm_limit=1'),
    ];
    const body = { batch_request_id: 'b', rest_requests: parts };
    const { status, text } = await call('postBatch', iam(role('writer')), '/api/now/batch', 'POST', body);
    expect(status).toBe(200);
    const { serviced_requests: answers }: { serviced_requests: { id: string; status_code: number }[] } =
      JSON.parse(text);
    const codes = new Map(answers.map(({ id, status_code: code }) => [id, code]));
    expect([codes.get('1'), codes.get('2')]).toEqual([200, 403]);
  });
});
