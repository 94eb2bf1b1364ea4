import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

describe('/__emulator/', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance({ control: true });
  });
  afterEach(() => instance.close());

  const control = (method: string, path: string, json?: unknown) =>
    call(instance, method, `/__emulator/${path}`, { as: '', ...(json !== undefined && { json }) });
  const create = (sysId: string, as?: string) =>
    call(instance, 'POST', '/api/now/table/incident', {
      json: { sys_id: sysId },
      ...(as !== undefined && { as }),
    });
  const id = (digit: string) => digit.repeat(32);

  it('changes switches while the instance runs, and sets them back with everything else', async () => {
    const find = async () =>
      (
        await call(instance, 'GET', '/api/now/table/incident?sysparm_query=nonsense=1&sysparm_limit=1')
      ).headers.get('x-total-count');
    expect(await find()).not.toBe('0');
    await control('PUT', 'switches', {
      invalidQueryReturnsNoRows: true,
      semaphorePermits: 2,
      truncateLongText: false,
    });
    expect(await find()).toBe('0');
    expect((await control('GET', 'switches')).json).toMatchObject({ invalidQueryReturnsNoRows: true });
    expect(instance.control.semaphore.permits).toBe(2);
    const long = { sys_id: id('c'), short_description: 'x'.repeat(500) };
    const { json } = await call(instance, 'POST', '/api/now/table/incident', { json: long });
    expect(Object(json).result.short_description).toHaveLength(500);
    await control('POST', 'reset');
    expect(await find()).not.toBe('0');
    expect(instance.control.semaphore.permits).toBe(4);
  });

  it('refuses switches that are unknown, of another type, or fixed at the start', async () => {
    const wrong = [
      { noSuch: true },
      { shuffleTies: 'yes' },
      { caseSensitiveText: true },
      { maxUrlBytes: -1 },
      { semaphorePermits: 0 },
      { failedRowStatus: 500 },
    ];
    for (const switches of wrong) expect((await control('PUT', 'switches', switches)).status).toBe(400);
    expect((await control('GET', 'switches')).json).toMatchObject({
      shuffleTies: false,
      caseSensitiveText: false,
    });
  });

  it('records every request with its user, its effect and its outcome', async () => {
    const reply = await create(id('a'));
    await create(id('b'), 'stranger:wrong');
    const { json } = await control('GET', 'ledger');
    expect(json).toMatchObject({
      total: 2,
      counters: { incident: { insert: 1, update: 0, delete: 0 } },
      entries: [
        {
          sequence: 1,
          method: 'POST',
          path: '/api/now/table/incident',
          user: instance.username,
          status: 201,
          faults: [],
          transactionId: reply.headers.get('x-transaction-id'),
          effects: [{ table: 'incident', operation: 'insert', count: 1, sysIds: [id('a')] }],
        },
        { sequence: 2, user: '', status: 401, effects: [] },
      ],
    });
  });

  it('shows a lost answer as such: the write in the effects, the fault by name, and no status', async () => {
    await control('POST', 'faults', { action: 'reset-after-commit' });
    await expect(create(id('c'))).rejects.toThrow();
    const { json } = await control('GET', `ledger?sysId=${id('c')}`);
    expect(json).toMatchObject({ entries: [{ status: 0, faults: ['reset-after-commit'] }] });
  });

  it('begins its ledger empty, whatever the instance was filled with', async () => {
    expect((await control('GET', 'ledger')).json).toEqual({ total: 0, counters: {}, entries: [] });
  });

  it('filters the ledger by method, path, status, table, fault and position', async () => {
    await create(id('a'));
    await call(instance, 'GET', '/api/now/table/problem');
    await call(instance, 'DELETE', `/api/now/table/incident/${id('a')}`);
    const found = async (query: string) => {
      const { json } = await control('GET', `ledger?${query}`);
      return Object(json).entries.map((entry: { sequence: number }) => entry.sequence);
    };
    expect(await found('method=GET')).toEqual([2]);
    expect(await found('path=incident')).toEqual([1, 3]);
    expect(await found('status=204')).toEqual([3]);
    expect(await found('table=incident')).toEqual([1, 3]);
    expect(await found('since=1&limit=1')).toEqual([3]);
    expect(await found('fault=latency')).toEqual([]);
  });

  it('notes the work of the transformer as a job of its own', async () => {
    await control('POST', 'clock', { frozen: true });
    const json = { records: [{ Name: 'a' }] };
    await call(instance, 'POST', '/api/now/import/imp_computer/insertMultiple', { json });
    const clock = await control('POST', 'clock', { advanceMs: 1_000 });
    expect(clock.json).toMatchObject({ frozen: true, pendingJobs: 0 });
    const ledger = await control('GET', 'ledger?method=JOB');
    expect(ledger.json).toMatchObject({
      entries: [{ effects: [{ table: 'cmdb_ci_computer', operation: 'insert', count: 1 }] }],
    });
  });

  it('sets the clock to a given time', async () => {
    await control('POST', 'clock', { frozen: true, set: '2030-05-06T07:08:09Z' });
    await create(id('d'));
    expect(instance.state.store.find('incident', id('d'))?.['sys_created_on']).toBe('2030-05-06 07:08:09');
  });

  it('goes back to the start on reset: rows, faults, limits, ledger', async () => {
    const before = instance.control.snapshot('incident');
    await create(id('a'));
    await control('POST', 'faults', { action: 'hibernate' });
    await control('POST', 'rate-limits', { limitPerHour: 0 });
    await control('POST', 'reset');
    expect((await control('GET', 'ledger')).json).toEqual({ total: 0, counters: {}, entries: [] });
    expect((await call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1')).status).toBe(200);
    expect(instance.control.snapshot('incident').map((row) => row['sys_id'])).toEqual(
      before.map((row) => row['sys_id']),
    );
  });

  it('keeps the accounts and rules that were added, beyond a reset', async () => {
    await control('POST', 'accounts', { userName: 'ann', password: 'p', roles: ['itil'], apiKeys: ['k'] });
    await control('POST', 'acls', { table: 'incident', operation: 'create', roles: [] });
    await control('POST', 'reset');
    const listed = await call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1', { as: 'ann:p' });
    expect(listed.json).toMatchObject({ result: [expect.anything()] });
    expect((await create(id('a'), 'ann:p')).status).toBe(403);
  });

  it('seeds rows and shows what tables hold', async () => {
    const seeded = await control('POST', 'seed', {
      problem: [{ sys_id: id('e'), short_description: 'seeded' }],
    });
    expect(seeded.json).toEqual({ rows: 1 });
    const one = await control('GET', 'snapshot?table=problem');
    expect(Object(one.json).rows).toEqual(
      expect.arrayContaining([expect.objectContaining({ sys_id: id('e'), short_description: 'seeded' })]),
    );
    expect((await control('GET', 'snapshot')).json).toHaveProperty('tables.sys_user');
  });

  it('says what is wrong with a request it cannot follow', async () => {
    const unknown = await control('POST', 'explode');
    expect(unknown.status).toBe(404);
    const malformed = await control('POST', 'rate-limits', { limitPerHour: 'many' });
    expect(malformed.status).toBe(400);
    expect(malformed.text).toContain('limitPerHour');
    const nowhere = await control('POST', 'acls', { table: 'u_none', operation: 'read' });
    expect([nowhere.status, nowhere.json]).toEqual([400, { error: 'acls: there is no table u_none' }]);
    const faceless = await control('POST', 'acls', { table: 'incident', operation: 'read', field: 'u_none' });
    expect(faceless.text).toContain('table incident has no column u_none');
    const elsewhere = { userName: 'ann', password: 'p', timeZone: 'Mars/Base' };
    expect((await control('POST', 'accounts', elsewhere)).text).toContain('unknown time zone');
  });
});
