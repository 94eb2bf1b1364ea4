import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { until } from '../../../until.ts';
import { call } from '../caller.ts';

const answer = z.strictObject({ import_set_id: z.string(), multi_import_set_id: z.string() });
const idsOf = (json: unknown) => answer.parse(json);

describe('POST /api/now/import/{stagingTable}/insertMultiple', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance();
    instance.state.clock.freeze();
  });
  afterEach(() => instance.close());

  const send = (records: unknown, query = '', table = 'imp_computer') =>
    call(instance, 'POST', `/api/now/import/${table}/insertMultiple${query}`, { json: { records } });

  const stateOfSet = (sysId: string) => instance.state.store.find('sys_import_set', sysId)?.['state'];

  it('answers two ids and nothing of the rows, which wait until the transformer comes by', async () => {
    const reply = await send([{ Name: 'a' }, { Name: 'b' }]);
    expect(reply.status).toBe(201);
    const ids = idsOf(reply.json);
    expect(Object.keys(ids)).toEqual(['import_set_id', 'multi_import_set_id']);
    expect(stateOfSet(ids.import_set_id)).toBe('loaded');
    const states = () => instance.state.store.select('imp_computer').map((row) => row['sys_import_state']);
    expect(states()).toEqual(['pending', 'pending']);
    await instance.state.clock.advance(100);
    expect(states()).toEqual(['inserted', 'inserted']);
    expect(stateOfSet(ids.import_set_id)).toBe('processed');
  });

  it('transforms by itself on a running clock', async () => {
    instance.state.clock.unfreeze();
    const ids = idsOf((await send([{ Name: 'a' }])).json);
    await until(() => expect(stateOfSet(ids.import_set_id)).toBe('processed'));
  });

  it('goes on after a restart with sets that waited or were half done, each row once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'restart-'));
    const databaseFile = join(folder, 'instance.db');
    onTestFinished(() => rm(folder, { recursive: true }));
    const before = await startInstance({ databaseFile, switches: { transformDelayMs: 0 } });
    const records = Array.from({ length: 60 }, (_, n) => ({ Name: `restart-${n}` }));
    await call(before, 'POST', '/api/now/import/imp_computer/insertMultiple', { json: { records } });
    const pending = (instance: Instance) =>
      instance.state.store.count('imp_computer', { where: `t0."sys_import_state" = 'pending'` });
    await expect.poll(() => pending(before), { interval: 1, timeout: 120_000 }).toBeLessThan(60);
    await before.close();
    const after = await startInstance({ databaseFile });
    onTestFinished(() => after.close());
    await until(() => expect(pending(after)).toBe(0));
    const made = after.state.store.count('cmdb_ci_computer', { where: `t0."name" LIKE 'restart-%'` });
    expect(made).toBe(60);
  });

  it('keeps the history: how many rows went which way, and how it ended', async () => {
    const users = [
      { 'User ID': 'ada', Email: 'ada@example.com', 'Last name': 'Lovelace' },
      { 'User ID': 'ada', Email: 'ada@example.com', 'Last name': 'Byron' },
      { 'User ID': 'ada', Email: 'ada@example.com', 'Last name': 'Byron' },
      { 'User ID': 'bob', Email: 'bob@example.com' },
      { 'Last name': 'No ID' },
    ];
    const ids = idsOf((await send(users, '', 'imp_user')).json);
    await instance.state.clock.advance(100);
    const run = instance.state.store.findBy('sys_import_set_run', 'set', ids.import_set_id);
    expect(run).toMatchObject({
      state: 'complete_with_errors',
      total: '5',
      inserts: '1',
      updates: '1',
      ignored: '1',
      skipped: '1',
      errors: '1',
    });
    const rows = instance.state.store.select('imp_user', { orderBy: 't0.sys_import_row' });
    expect(rows.map((row) => row['sys_import_state'])).toEqual([
      'inserted',
      'updated',
      'ignored',
      'error',
      'skipped',
    ]);
  });

  it('reads keys as column labels and drops the others, until a row of sys_rest_insert_multiple says names', async () => {
    await send([{ Name: 'by label', serial_number: 'dropped' }]);
    const rule = { source_table: 'imp_computer', column_mapping: 'column_name' };
    await call(instance, 'POST', '/api/now/table/sys_rest_insert_multiple', { json: rule });
    await send([{ Name: 'dropped', serial_number: 'by name' }]);
    const rows = instance.state.store.select('imp_computer');
    expect(rows.map((row) => [row['name'], row['serial_number']])).toEqual(
      expect.arrayContaining([
        ['by label', ''],
        ['', 'by name'],
      ]),
    );
  });

  it('takes the data source format, header names as they were before they became columns', async () => {
    const rule = { source_table: 'u_imp_workstation', use_data_source_format: 'true' };
    await call(instance, 'POST', '/api/now/table/sys_rest_insert_multiple', { json: rule });
    await send([{ name: 'w', serial: '1' }], '', 'u_imp_workstation');
    expect(instance.state.store.select('u_imp_workstation')[0]).toMatchObject({ u_name: 'w', u_serial: '1' });
  });

  it('transforms within the call when its rule says synchronous, and still answers nothing about the rows', async () => {
    const rule = { source_table: 'imp_computer', transformation: 'synchronous' };
    await call(instance, 'POST', '/api/now/table/sys_rest_insert_multiple', { json: rule });
    const reply = await send([{ Name: 'a' }]);
    expect(Object.keys(idsOf(reply.json))).toEqual(['import_set_id', 'multi_import_set_id']);
    expect(stateOfSet(idsOf(reply.json).import_set_id)).toBe('processed');
    expect(instance.state.store.findBy('cmdb_ci_computer', 'name', 'a')).toBeDefined();
  });

  it('starts a set only after the one it is to run after', async () => {
    const first = idsOf((await send([{ Name: 'a', 'Operating System': 'one' }])).json);
    await instance.state.clock.advance(50);
    const second = idsOf(
      (await send([{ Name: 'a', 'Operating System': 'two' }], `?run_after=${first.import_set_id}`)).json,
    );
    await instance.state.clock.advance(60);
    expect([stateOfSet(first.import_set_id), stateOfSet(second.import_set_id)]).toEqual([
      'processed',
      'loaded',
    ]);
    await instance.state.clock.advance(100);
    expect(stateOfSet(second.import_set_id)).toBe('processed');
    expect(instance.state.store.findBy('cmdb_ci_computer', 'name', 'a')?.['os']).toBe('two');
  });

  it('adds the set to the group that the caller names, and opens a new group otherwise', async () => {
    const first = idsOf((await send([{ Name: 'a' }])).json);
    const joined = idsOf(
      (await send([{ Name: 'b' }], `?multi_import_set_id=${first.multi_import_set_id}`)).json,
    );
    const apart = idsOf((await send([{ Name: 'c' }])).json);
    expect(joined.multi_import_set_id).toBe(first.multi_import_set_id);
    expect(apart.multi_import_set_id).not.toBe(first.multi_import_set_id);
  });

  it('skips rows of more bytes than a row may have, and takes the others', async () => {
    instance.state.control.change({ maxStagingRowBytes: 100 });
    await send([{ Name: 'a' }, { Name: 'ü'.repeat(51) }, { Name: 'ü'.repeat(50) }]);
    const rows = instance.state.store.select('imp_computer', { orderBy: 't0.sys_import_row' });
    expect(rows.map((row) => [row['sys_import_row'], row['name']?.length])).toEqual([
      ['1', 1],
      ['2', 50],
    ]);
    const json = { name: 'x'.repeat(101) };
    const reply = await call(instance, 'POST', '/api/now/import/imp_computer', { json });
    expect(reply.json).toMatchObject({ result: [{ status: 'error' }] });
    expect(instance.state.store.count('imp_computer')).toBe(2);
  });

  it('leaves a row pending that the Table API wrote, with its columns seen from the parent table', async () => {
    await call(instance, 'POST', '/api/now/table/imp_computer', { json: { name: 'a' } });
    await instance.state.clock.advance(60_000);
    const parent = '/api/now/table/sys_import_set_row';
    const reply = await call(instance, 'GET', `${parent}?sysparm_query=ORDERBYsys_import_state`);
    const [row] = Object(reply.json).result;
    expect(row).toMatchObject({ sys_import_state: 'pending', sys_class_name: 'imp_computer' });
    expect(row).not.toHaveProperty('serial_number');
    expect((await call(instance, 'GET', `${parent}/${row.sys_id}`)).status).toBe(200);
    expect((await call(instance, 'POST', parent, { json: {} })).status).toBe(403);
    expect((await call(instance, 'DELETE', `${parent}/${row.sys_id}`)).status).toBe(204);
    expect(instance.state.store.count('imp_computer')).toBe(0);
    expect(instance.state.store.findBy('cmdb_ci_computer', 'name', 'a')).toBeUndefined();
  });

  it('refuses a body without records', async () => {
    const reply = await call(instance, 'POST', '/api/now/import/imp_computer/insertMultiple', { json: [] });
    expect(reply.status).toBe(400);
    expect(reply.json).toMatchObject({ error: { message: 'Exception while reading request' } });
  });
});

describe('a staging table that is a sink', () => {
  it('keeps its rows, marked inserted, and transforms none', async () => {
    const instance = await startInstance({ switches: { sinkStagingTables: ['imp_computer'] } });
    const json = { records: [{ Name: 'a' }, { Name: 'b' }] };
    const reply = await call(instance, 'POST', '/api/now/import/imp_computer/insertMultiple', { json });
    expect(reply.status).toBe(201);
    const rows = instance.state.store.select('imp_computer');
    expect(rows.map((row) => row['sys_import_state'])).toEqual(['inserted', 'inserted']);
    expect(rows[0]?.['sys_target_table']).toBe('cmdb_ci_computer');
    expect(instance.state.store.select('sys_import_set')[0]?.['state']).toBe('processed');
    expect(instance.state.store.select('sys_import_set_run')[0]).toMatchObject({
      inserts: '2',
      state: 'complete',
    });
    expect(instance.state.store.findBy('cmdb_ci_computer', 'name', 'a')).toBeUndefined();
    await instance.close();
  });

  it('can only count them', async () => {
    const instance = await startInstance({ switches: { sinkStagingTables: ['*'], sinkKeepsRows: false } });
    const json = { records: [{ Name: 'a' }, { Name: 'b' }] };
    await call(instance, 'POST', '/api/now/import/imp_computer/insertMultiple', { json });
    expect(instance.state.store.count('imp_computer')).toBe(0);
    expect(instance.state.ledger.counters()['imp_computer']?.insert).toBe(2);
    await instance.close();
  });
});
