import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

describe('a transform that goes wrong', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance();
    instance.state.clock.freeze();
  });
  afterEach(() => instance.close());

  const send = (...records: Record<string, string>[]) =>
    call(instance, 'POST', '/api/now/import/imp_computer/insertMultiple', { json: { records } });
  const rows = () => instance.state.store.select('imp_computer', { orderBy: 't0.sys_import_row' });
  const run = () => instance.state.store.select('sys_import_set_run')[0];

  it('makes an error of the row alone when its script throws', async () => {
    instance.state.imports.scripts.set('Computer', (source) => {
      if (source['name'] === 'b') throw new TypeError('current is undefined');
      return undefined;
    });
    await send({ Name: 'a' }, { Name: 'b' }, { Name: 'c' });
    await instance.state.clock.advance(100);
    expect(rows().map((row) => row['sys_import_state'])).toEqual(['inserted', 'error', 'inserted']);
    expect(rows()[1]?.['sys_import_state_comment']).toBe('current is undefined');
    expect(instance.state.store.select('sys_import_set_row_error')[0]?.['error']).toBe('900');
    expect(run()?.['state']).toBe('complete_with_errors');
  });

  it('leaves nothing of a rejected row behind, nor in the ledger, though others of its set go through', async () => {
    const rejected = { Name: 'b', Manufacturer: 'Nova Corp', Status: 'no such status' };
    await send({ Name: 'a' }, rejected, { Name: 'c' });
    await instance.state.clock.advance(100);
    expect(rows().map((row) => row['sys_import_state'])).toEqual(['inserted', 'error', 'inserted']);
    expect(instance.state.store.findBy('core_company', 'name', 'Nova Corp')).toBeUndefined();
    expect(instance.state.ledger.counters()['core_company']).toBeUndefined();
    expect(instance.state.ledger.counters()['cmdb_ci_computer']?.insert).toBe(2);
  });

  it('did not complete when the job itself fails; a warning shows its trace, and the instance lives on', async () => {
    instance.state.imports.scripts.get = () => {
      throw new Error('out of order');
    };
    const warned = once(process, 'warning');
    const { import_set_id: set } = Object((await send({ Name: 'a' })).json);
    await instance.state.clock.advance(100);
    expect(String((await warned)[0])).toContain('out of order');
    expect(run()).toMatchObject({ state: 'did_not_complete', total: '0' });
    expect(rows()[0]?.['sys_import_state']).toBe('pending');
    expect(instance.state.store.find('sys_import_set', set)?.['state']).toBe('processed');
    expect((await call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1')).status).toBe(200);
  });
});
