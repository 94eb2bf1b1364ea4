import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { patchRecordById, postRecord } from '../../lib/operations/table.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { AccessDeniedError, UnknownOutcomeError } from '../../lib/servicenow/errors.ts';
import { startDeployment } from './emulated.ts';

const sysId = 'f'.repeat(32);
const caller = 'c'.repeat(32);

async function openDeployment(table: string, values: Record<string, string> = {}) {
  let offsetMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + offsetMs };
  const deployment = await startDeployment({}, {}, clock);
  onTestFinished(() => deployment.close());
  const { store } = deployment.instance.state;
  store.seed('sys_user', { sys_id: caller, user_name: 'cleo' });
  store.seed(table, { sys_id: sysId, ...values });
  return {
    deployment,
    store,
    pass: (ms: number) => {
      offsetMs += ms;
    },
  };
}

const isRead = (method: string) => method === 'GET';

/** Loses the answers to writes after, or before, the instance has carried them out. */
const losing =
  (isDone: boolean) =>
  (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      if (isRead(request.method)) return client.send(request, context);
      if (isDone) await client.send(request, context);
      const { method, path } = request;
      throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
    },
  });

/** A user who may not read `sys_dictionary`. */
const withoutDictionary = (client: ServiceNowClient): ServiceNowClient => ({
  ...client,
  send(request, context) {
    const { method, path } = request;
    if (path.endsWith('/sys_dictionary')) throw new AccessDeniedError('no', { method, path, effect: 'none' });
    return client.send(request, context);
  },
});

/** A user who may not read which tables extend which, nor the `description` of a record. */
const withoutTables = (client: ServiceNowClient): ServiceNowClient => ({
  ...client,
  async send(request, context) {
    if (request.path.endsWith('/sys_db_object'))
      return { status: 200, headers: {}, body: { result: [] }, attempts: 1 };
    const answer = await client.send(request, context);
    const { result } = Object(answer.body);
    if (!request.path.endsWith(sysId)) return answer;
    const { description: _, ...shown } = Object(result);
    return { ...answer, body: { result: shown } };
  },
});

const patch = (table: string, record: object) => ({
  method: 'PATCH',
  url: `/api/now/table/${table}/${sysId}`,
  body: JSON.stringify(record),
  headers: { 'idempotency-key': 'k1' },
});

const long = 'a sentence of some words '.repeat(10);

const given: readonly (readonly [table: string, record: object, stored: object])[] = [
  ['incident', { made_sla: 'FALSE' }, { made_sla: 'false' }],
  ['incident', { knowledge: 1 }, { knowledge: 'true' }],
  ['incident', { due_date: '2026-01-01' }, { due_date: '2026-01-01 00:00:00' }],
  ['incident', { due_date: '2026-01-01T10:00:00Z' }, { due_date: '2026-01-01 10:00:00' }],
  ['cmdb_ci_computer', { cost: '12.50' }, { cost: '12.5' }],
  ['cmdb_ci_computer', { ram: '8192.0' }, { ram: '8192' }],
  ['incident', { impact: '02' }, { impact: '2' }],
  ['incident', { caller_id: { link: `https://x.example/${caller}`, value: caller } }, {}],
  ['incident', { caller_id: { value: caller, link: `https://x.example/${caller}` } }, {}],
  ['incident', { urgency: '1', no_such_column: 'x' }, { urgency: '1' }],
  ['incident', { no_such_column: 'x' }, {}],
  ['sys_user', { city: 'Bern', no_such_column: 'x' }, { city: 'Bern' }],
  ['incident', { urgency: '1', sys_updated_on: '2020-01-01 00:00:00', sys_mod_count: '0' }, { urgency: '1' }],
  ['incident', { short_description: long }, { short_description: long.slice(0, 160) }],
];

describe('an update whose values the instance stores in its own notation', () => {
  it.each(given)('is known to be done after a lost answer: %s %j', async (table, record, stored) => {
    const { deployment, store, pass } = await openDeployment(table, { impact: '3', urgency: '3' });
    const request = patch(table, record);
    const first = await deployment.serve(patchRecordById, losing(true)).http(request);
    expect(first).toMatchObject({ statusCode: 504, headers: { 'retry-after': '60' } });
    pass(61_000);
    const again = await deployment.serve(patchRecordById).http(request);
    expect(again).toMatchObject({ statusCode: 200, headers: { 'idempotency-replayed': 'true' } });
    expect(store.find(table, sysId)).toMatchObject(stored);
  });

  it.each([
    ['incident', { short_description: 'TRUE' }, { short_description: 'true' }],
    ['incident', { short_description: '02' }, { short_description: '2' }],
    ['incident', { made_sla: 'FALSE' }, { made_sla: 'true' }],
    ['incident', { due_date: '2026-01-01' }, { due_date: '2026-01-01 08:00:00' }],
    ['incident', { due_date: '2026-01-01T10:00:00Z' }, { due_date: '2026-01-01 11:00:00' }],
    ['incident', { urgency: '1', no_such_column: 'x' }, { urgency: '3' }],
    ['incident', { description: `${long}and more` }, { description: long }],
    ['incident', { urgency: '1', sys_mod_count: '0' }, { urgency: '3' }],
    ['sys_user', { city: 'Bern', user_password: 'secret' }, { city: 'Bern' }],
  ])('is not taken for done when it never arrived: %s %j', async (table, record, held) => {
    const { deployment, store, pass } = await openDeployment(table, held);
    const request = patch(table, record);
    await deployment.serve(patchRecordById, losing(false)).http(request);
    pass(61_000);
    const again = await deployment.serve(patchRecordById).http(request);
    expect(again.headers).not.toHaveProperty('idempotency-replayed');
    expect([200, 504]).toContain(again.statusCode);
    if (again.statusCode === 504) expect(store.find(table, sysId)).toMatchObject(held);
  });

  it('is not taken for done where the columns cannot be compared and something wrote the record since', async () => {
    const { deployment, pass } = await openDeployment('sys_user');
    const request = patch('sys_user', { user_password: 'secret' });
    await deployment.serve(patchRecordById, losing(false)).http(request);
    await deployment
      .serve(patchRecordById)
      .invoke({ tableName: 'sys_user', sysId, record: { city: 'Bern' } });
    pass(61_000);
    expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(504);
  });

  it('is not taken for done for a column of a table that it may extend, which the user may not read', async () => {
    const { deployment, store, pass } = await openDeployment('incident', { description: 'before' });
    const request = patch('incident', { description: 'lost' });
    await deployment.serve(patchRecordById, losing(false)).http(request);
    pass(61_000);
    const again = await deployment.serve(patchRecordById, withoutTables).http(request);
    expect(again.headers).not.toHaveProperty('idempotency-replayed');
    expect(again.statusCode).toBe(504);
    expect(store.find('incident', sysId)).toMatchObject({ description: 'before' });
  });

  it('is not taken for done by notation alone where the kinds of its columns cannot be read', async () => {
    const { deployment, pass } = await openDeployment('incident');
    const request = patch('incident', { no_such_column: 'x', impact: '02' });
    await deployment.serve(patchRecordById, losing(true)).http(request);
    pass(61_000);
    const again = await deployment.serve(patchRecordById, withoutDictionary).http(request);
    expect(again.statusCode).toBe(504);
  });
});

const post = (table: string, record: object, query = '') => ({
  method: 'POST',
  url: `/api/now/table/${table}${query}`,
  body: JSON.stringify(record),
  headers: { 'idempotency-key': 'k1' },
});

describe('Idempotency-Differs of an identical repeat', () => {
  it.each([
    ...given.slice(0, 9).map(([table, record]) => [table, record, ''] as const),
    ['incident', { active: 'TRUE', made_sla: '1', knowledge: 0 }, ''] as const,
    ['sys_user', { city: 'Bern', user_password: 'x' }, '?sysparm_input_display_value=true'] as const,
  ])('names no column: %s %j', async (table, record, query) => {
    for (const through of [undefined, withoutDictionary]) {
      const { deployment } = await openDeployment('sys_user');
      const create = deployment.serve(postRecord, through);
      expect((await create.http(post(table, record, query))).statusCode).toBe(201);
      const again = await create.http(post(table, record, query));
      expect(again.statusCode).toBe(200);
      expect(again.headers['idempotency-differs']).toBeUndefined();
    }
  });

  it('names what another value differs in all the same', async () => {
    const { deployment } = await openDeployment('sys_user');
    const create = deployment.serve(postRecord);
    const first = { active: true, impact: '2', due_date: '2026-01-01', description: '02', caller_id: caller };
    await create.http(post('incident', first));
    const other = {
      active: 'FALSE',
      impact: '03',
      due_date: '2026-01-02',
      description: '2',
      caller_id: { value: 'd'.repeat(32) },
    };
    expect((await create.http(post('incident', other))).headers['idempotency-differs']).toBe(
      'active,impact,due_date,description,caller_id',
    );
  });
});
