import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

describe('what a transform map says', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance({ demoData: false });
    instance.state.clock.freeze();
  });
  afterEach(() => instance.close());

  const post = async (table: string, json: Record<string, string>) => {
    const reply = await call(instance, 'POST', `/api/now/import/${table}`, { json });
    return Object(reply.json).result[0];
  };
  /** A map from imp_notification to a table, in place of the one that is there. */
  const mapTo = (
    target_table: string,
    settings: Record<string, string>,
    fields: Record<string, string>[],
  ) => {
    const { store } = instance.state;
    for (const table of ['sys_transform_map', 'sys_transform_entry']) {
      for (const { sys_id = '' } of store.select(table)) store.remove(table, sys_id);
    }
    instance.control.seed({
      sys_transform_map: [
        { sys_id: 'm1', name: 'Mine', source_table: 'imp_notification', target_table, ...settings },
      ],
      sys_transform_entry: fields.map((field) => ({ map: 'm1', ...field })),
    });
  };
  const toSummary = { source_field: 'message', target_field: 'short_description' };

  it('holds to all mandatory fields, or to those that it maps', async () => {
    const userName = { source_field: 'message', target_field: 'user_name' };
    mapTo('sys_user', { enforce_mandatory_fields: 'only_mapped' }, [userName]);
    expect(await post('imp_notification', { message: 'ada' })).toMatchObject({ status: 'inserted' });
    mapTo('sys_user', { enforce_mandatory_fields: 'all' }, [userName]);
    expect(await post('imp_notification', { message: 'bob' })).toMatchObject({
      status: 'error',
      error_message: 'Data Policy Exception: The following fields are mandatory: Last name',
    });
  });

  it('empties the target for the word NULL', async () => {
    await post('imp_notification', { uuid: 'u1', message: 'Disk full', description: 'on host' });
    await post('imp_notification', { uuid: 'u1', description: 'NULL' });
    expect(instance.state.store.findBy('incident', 'correlation_id', 'u1')).toMatchObject({
      short_description: 'Disk full',
      description: '',
    });
  });

  it('makes an error of a record that a rule of the target refuses', async () => {
    mapTo('incident', {}, [toSummary, { source_field: 'description', target_field: 'state' }]);
    expect(await post('imp_notification', { message: 'a', description: '7' })).toMatchObject({
      status: 'error',
    });
  });

  it('coalesces with regard to case where one of several fields says so', async () => {
    mapTo('incident', {}, [
      { ...toSummary, coalesce: 'true' },
      {
        source_field: 'uuid',
        target_field: 'correlation_id',
        coalesce: 'true',
        coalesce_case_sensitive: 'true',
      },
    ]);
    const status = async (message: string, uuid: string) =>
      (await post('imp_notification', { message, uuid })).status;
    expect(await status('Disk full', 'u1')).toBe('inserted');
    expect(await status('DISK FULL', 'u1')).toBe('updated');
    expect(await status('DISK FULL', 'U1')).toBe('inserted');
  });

  it('looks references up by the column it names; one that there is not names no record', async () => {
    instance.control.seed({ sys_user: [{ sys_id: 'a1', user_name: 'ada', name: 'Ada Lovelace' }] });
    const caller = { source_field: 'description', target_field: 'caller_id', choice_action: 'ignore' };
    mapTo('incident', {}, [toSummary, { ...caller, reference_value_field: 'user_name' }]);
    const found = await post('imp_notification', { message: 'a', description: 'ADA' });
    expect(instance.state.store.find('incident', found.sys_id)?.['caller_id']).toBe('a1');
    mapTo('incident', {}, [toSummary, { ...caller, reference_value_field: 'no_such_column' }]);
    const lost = await post('imp_notification', { message: 'b', description: 'ADA' });
    expect(lost.status).toBe('inserted');
    expect(instance.state.store.find('incident', lost.sys_id)?.['caller_id']).toBe('');
  });

  it('names the record that a script left alone', async () => {
    const { sys_id } = await post('imp_notification', { uuid: 'u1', message: 'a' });
    instance.state.imports.scripts.set('Notification', () => ({ ignore: true }));
    expect(await post('imp_notification', { uuid: 'u1', message: 'b' })).toMatchObject({
      status: 'ignored',
      sys_id,
      table: 'incident',
    });
  });

  it('leaves a set waiting for as long as the one that it is to run after', async () => {
    const { store, clock } = instance.state;
    const before = store.insert(
      'sys_import_set',
      { table_name: 'imp_user', mode: 'asynchronous', state: 'loading' },
      { userName: 'admin', sysId: '' },
    )['sys_id'];
    await call(instance, 'POST', `/api/now/import/imp_computer/insertMultiple?run_after=${before}`, {
      json: { records: [{ Name: 'a' }] },
    });
    await clock.advance(60_000);
    const state = () => store.findBy('sys_import_set', 'table_name', 'imp_computer')?.['state'];
    expect(state()).toBe('loaded');
    await call(instance, 'PATCH', `/api/now/table/sys_import_set/${before}`, { json: { state: 'loaded' } });
    await clock.advance(60_000);
    await clock.advance(60_000);
    expect(state()).toBe('processed');
  });
});
