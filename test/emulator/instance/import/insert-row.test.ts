import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

describe('POST /api/now/import/{stagingTable}', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance();
  });
  afterEach(() => instance.close());

  const post = (table: string, json: unknown) => call(instance, 'POST', `/api/now/import/${table}`, { json });

  it('answers without an outer result object, with one entry that points to the target record', async () => {
    const reply = await post('imp_computer', { name: 'Mac', serial_number: 'S-1' });
    expect(reply.status).toBe(201);
    expect(reply.json).toEqual({
      import_set: 'ISET0010001',
      staging_table: 'imp_computer',
      result: [
        {
          transform_map: 'Computer',
          table: 'cmdb_ci_computer',
          display_name: 'name',
          display_value: 'Mac',
          record_link: expect.stringMatching(
            new RegExp(`^${instance.url}/api/now/table/cmdb_ci_computer/[0-9a-f]{32}$`),
          ),
          status: 'inserted',
          sys_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        },
      ],
    });
  });

  it('says ignored, with the recorded text and the same target and set, when the same row comes again', async () => {
    await post('imp_computer', { name: 'Mac' });
    const [before] = instance.state.store.select('cmdb_ci_computer', { where: `t0.name = 'Mac'` });
    const reply = await post('imp_computer', { name: 'Mac' });
    expect(reply.status).toBe(201);
    expect(reply.json).toMatchObject({
      import_set: 'ISET0010001',
      result: [{ status: 'ignored', status_message: 'No field values changed', sys_id: before?.['sys_id'] }],
    });
  });

  it('updates the coalesced record without regard to case, all coalesce fields taken together', async () => {
    await post('imp_computer', { name: 'Mac', serial_number: 'S-1', os: 'macOS 15' });
    await post('imp_computer', { name: 'Mac', serial_number: 'S-2' });
    const reply = await post('imp_computer', { name: 'MAC', serial_number: 's-1', os: 'macOS 26' });
    expect(reply.json).toMatchObject({ result: [{ status: 'updated' }] });
    const rows = instance.state.store.select('cmdb_ci_computer', { where: `t0.name = 'mac'` });
    expect(rows.map((row) => `${row['serial_number']} ${row['os']}`).sort()).toEqual([
      'S-2 ',
      's-1 macOS 26',
    ]);
  });

  it('skips a row whose coalesce fields are all empty, and points to the staging row', async () => {
    const reply = await post('imp_computer', { os: 'Linux' });
    expect(reply.status).toBe(201);
    expect(reply.json).toMatchObject({ result: [{ status: 'skipped', table: 'imp_computer' }] });
  });

  it('answers 201 although the row failed, with the labels of the missing mandatory fields', async () => {
    const reply = await post('imp_user', { user_id: 'ada', email: 'ada@example.com' });
    expect(reply.status).toBe(201);
    expect(reply.json).toMatchObject({
      result: [
        {
          status: 'error',
          error_message: 'Data Policy Exception: The following fields are mandatory: Last name',
        },
      ],
    });
    expect(instance.state.store.findBy('sys_user', 'user_name', 'ada')).toBeUndefined();
    const staged = instance.state.store.select('imp_user')[0];
    const error = instance.state.store.find('sys_import_set_row_error', staged?.['sys_row_error'] ?? '');
    expect(error).toMatchObject({ error: '900', table_name: 'imp_user', row: staged?.['sys_id'] });
  });

  it('resolves references by display value: creates, ignores or rejects what is not there', async () => {
    const row = { user_id: 'ada', email: 'ada@example.com', last_name: 'Lovelace' };
    const rejected = await post('imp_user', { ...row, department: 'Nowhere' });
    expect(rejected.json).toMatchObject({
      result: [
        { status: 'error', error_message: expect.stringContaining('department = Nowhere names no record') },
      ],
    });
    const taken = await post('imp_user', { ...row, location: 'Paris', manager: 'absent' });
    expect(taken.json).toMatchObject({ result: [{ status: 'inserted' }] });
    const user = instance.state.store.findBy('sys_user', 'user_name', 'ada');
    expect(user?.['manager']).toBe('');
    expect(instance.state.store.find('cmn_location', user?.['location'] ?? '')?.['name']).toBe('Paris');
    const code = instance.state.store.select('sys_import_set_row_error').map((error) => error['error']);
    expect(code).toEqual(['100']);
  });

  it('takes a choice by its label, and rejects one that does not exist', async () => {
    await post('imp_computer', { name: 'a', install_status: 'In Stock' });
    expect(instance.state.store.findBy('cmdb_ci_computer', 'name', 'a')?.['install_status']).toBe('6');
    const reply = await post('imp_computer', { name: 'b', install_status: 'Melted' });
    expect(reply.json).toMatchObject({ result: [{ status: 'error' }] });
  });

  it('adds a choice that is not there where the field map says create, for all to read', async () => {
    instance.control.seed({
      sys_transform_entry: [
        {
          map: instance.state.store.findBy('sys_transform_map', 'name', 'Notification')?.['sys_id'] ?? '',
          source_field: 'message',
          target_field: 'category',
          choice_action: 'create',
        },
      ],
    });
    await post('imp_notification', { uuid: 'u-1', message: 'Cloud' });
    expect(instance.state.store.findBy('incident', 'correlation_id', 'u-1')?.['category']).toBe('Cloud');
    expect(instance.state.store.findBy('sys_choice', 'value', 'Cloud')?.['element']).toBe('category');
    instance.control.reset();
    const again = await call(instance, 'POST', '/api/now/table/incident', { json: { category: 'Cloud' } });
    expect(again.json).toMatchObject({ result: { category: '' } });
  });

  it('takes a row as XML too', async () => {
    const reply = await fetch(`${instance.url}/api/now/import/imp_computer`, {
      method: 'POST',
      headers: {
        Authorization: `Basic ${btoa(`${instance.username}:${instance.password}`)}`,
        'Content-Type': 'application/xml',
        Accept: 'application/json',
      },
      body: '<request><entry><name>by xml</name></entry></request>',
    });
    expect(await reply.json()).toMatchObject({ result: [{ status: 'inserted', display_value: 'by xml' }] });
  });

  it('answers one entry per transform map of the staging table, in their order', async () => {
    const reply = await post('u_imp_workstation', { u_name: 'w1', u_serial: 'X', u_site: 'Bern' });
    expect(reply.json).toMatchObject({
      result: [
        { transform_map: 'Workstation site', table: 'cmn_location', status: 'inserted' },
        { transform_map: 'Workstation', table: 'cmdb_ci_computer', status: 'inserted' },
      ],
    });
    const staged = instance.state.store.select('u_imp_workstation')[0]?.['sys_id'];
    const got = await call(instance, 'GET', `/api/now/import/u_imp_workstation/${staged}`);
    expect(got.json).toEqual(reply.json);
    const location = instance.state.store.findBy('cmdb_ci_computer', 'name', 'w1')?.['location'] ?? '';
    expect(instance.state.store.find('cmn_location', location)?.['name']).toBe('Bern');
  });

  it('coalesces with regard to case where the field map says so', async () => {
    await post('u_imp_workstation', { u_name: 'w1', u_serial: 'abc', u_site: 'Bern' });
    const reply = await post('u_imp_workstation', { u_name: 'w2', u_serial: 'ABC', u_site: 'Bern' });
    expect(reply.json).toMatchObject({ result: [{ status: 'ignored' }, { status: 'inserted' }] });
  });

  it('keeps the verdict on the staging row, readable through the Table API and GET result', async () => {
    await post('imp_computer', { name: 'Mac' });
    const listed = await call(
      instance,
      'GET',
      '/api/now/table/imp_computer?sysparm_fields=sys_id,sys_import_row,sys_import_state,sys_target_table,sys_target_sys_id,sys_row_error',
    );
    const target = instance.state.store.findBy('cmdb_ci_computer', 'name', 'Mac')?.['sys_id'];
    expect(listed.json).toMatchObject({
      result: [
        {
          sys_import_row: '1',
          sys_import_state: 'inserted',
          sys_target_table: 'cmdb_ci_computer',
          sys_target_sys_id: {
            value: target,
            link: `${instance.url}/api/now/table/cmdb_ci_computer/${target}`,
          },
          sys_row_error: '',
        },
      ],
    });
    const sysId = instance.state.store.select('imp_computer')[0]?.['sys_id'];
    const got = await call(instance, 'GET', `/api/now/import/imp_computer/${sysId}`);
    expect(got.status).toBe(200);
    expect(got.json).toMatchObject({
      import_set: 'ISET0010001',
      result: [{ status: 'inserted', sys_id: target }],
    });
  });

  it('converts values that are not text into text as Java prints them', async () => {
    await post('imp_computer', { name: 'n', comments: { a: 1, b: ['x', true] }, ram: 2048, os: null });
    expect(instance.state.store.select('imp_computer')[0]).toMatchObject({
      comments: '{a=1, b=[x, true]}',
      ram: '2048',
      os: '',
    });
  });

  it('lets an onBefore script ignore the row or add keys to the answer', async () => {
    instance.state.imports.scripts.set('Computer', (source) =>
      source['name'] === 'no'
        ? { ignore: true, statusMessage: 'not wanted' }
        : { statusMessage: 'wwww', response: { ticket: 'T1' } },
    );
    const ignored = await post('imp_computer', { name: 'no' });
    expect(ignored.json).toMatchObject({
      result: [{ status: 'ignored', status_message: 'not wanted;Row transform ignored by onBefore script' }],
    });
    const taken = await post('imp_computer', { name: 'yes' });
    expect(taken.json).toMatchObject({
      result: [{ status: 'inserted', status_message: 'wwww', ticket: 'T1' }],
    });
  });

  it('collects rows in an asynchronous set until it is marked as loaded', async () => {
    const { store, clock } = instance.state;
    clock.freeze();
    const set = { table_name: 'imp_computer', mode: 'asynchronous', state: 'loading' };
    await call(instance, 'POST', '/api/now/table/sys_import_set', { json: set });
    const reply = await post('imp_computer', { name: 'a' });
    const row = store.select('imp_computer')[0]?.['sys_id'];
    expect(reply.json).toMatchObject({ result: [{ status: 'pending', table: 'imp_computer', sys_id: row }] });
    const setId = store.select('sys_import_set')[0]?.['sys_id'];
    await call(instance, 'PATCH', `/api/now/table/sys_import_set/${setId}`, { json: { state: 'loaded' } });
    await clock.advance(1_000);
    expect(store.findBy('cmdb_ci_computer', 'name', 'a')).toBeDefined();
    expect(store.select('sys_import_set')[0]?.['state']).toBe('processed');
  });

  it('follows a transform map that is changed between two rows of one set', async () => {
    await post('imp_computer', { name: 'a', os: 'Linux' });
    const entry = instance.state.store.select('sys_transform_entry', {
      where: `t0.source_field = 'os' AND t0.target_field = 'os'`,
    })[0]?.['sys_id'];
    await call(instance, 'DELETE', `/api/now/table/sys_transform_entry/${entry}`);
    await post('imp_computer', { name: 'b', os: 'Linux' });
    const osOf = (name: string) => instance.state.store.findBy('cmdb_ci_computer', 'name', name)?.['os'];
    expect([osOf('a'), osOf('b')]).toEqual(['Linux', '']);
  });

  it('passes over field maps to columns that the target table does not have', async () => {
    const map = instance.state.store.findBy('sys_transform_map', 'name', 'Computer')?.['sys_id'] ?? '';
    const coalesce = { coalesce: 'true', coalesce_empty_fields: 'true' };
    instance.control.seed({
      sys_transform_entry: [{ map, source_field: 'os', target_field: 'no"such', ...coalesce }],
    });
    const reply = await post('imp_computer', { name: 'a', os: 'Linux' });
    expect(reply.json).toMatchObject({ result: [{ status: 'inserted' }] });
  });

  it('says error for a map whose target table does not exist', async () => {
    instance.control.seed({
      sys_transform_map: [
        { name: 'Nowhere', source_table: 'imp_location', target_table: 'u_nowhere', order: '50' },
      ],
    });
    const reply = await post('imp_location', { name: 'Bern' });
    expect(reply.json).toMatchObject({
      result: [
        { transform_map: 'Nowhere', status: 'error', error_message: 'Invalid table u_nowhere' },
        { transform_map: 'Location', status: 'inserted' },
      ],
    });
    const [error] = instance.state.store.select('sys_import_set_row_error');
    expect(error?.['error']).toBe('800');
  });

  it('opens a new set after midnight, when the old one is processed', async () => {
    await post('imp_computer', { name: 'a' });
    await instance.state.clock.advance(86_400_000);
    const reply = await post('imp_computer', { name: 'b' });
    expect(reply.json).toMatchObject({ import_set: 'ISET0010002' });
    expect(instance.state.store.findBy('sys_import_set', 'number', 'ISET0010001')?.['state']).toBe(
      'processed',
    );
  });

  it('is forgotten once its set is more than seven days old: the result is 404, and younger sets stay', async () => {
    const resultOf = async (json: unknown) => {
      const reply = await post('imp_user', json);
      return new URL(reply.headers.get('location') ?? '').pathname;
    };
    const status = async (path: string) => (await call(instance, 'GET', path)).status;
    const failed = await resultOf({ user_id: 'old', email: 'old@example.com' });
    await instance.state.clock.advance(2 * 86_400_000);
    const younger = await resultOf({ user_id: 'new', email: 'new@example.com', last_name: 'New' });
    await instance.state.clock.advance(5 * 86_400_000);
    const before = await status(failed);
    await instance.state.clock.advance(86_400_000);
    expect([before, await status(failed), await status(younger)]).toEqual([200, 404, 200]);
    const left = ['sys_import_set', 'sys_import_set_run', 'sys_import_set_row_error'].map((table) =>
      instance.state.store.count(table),
    );
    expect(left).toEqual([1, 1, 0]);
    expect(instance.state.ledger.select({ method: 'JOB', path: 'Import Set Deleter' })).toMatchObject([
      {
        effects: expect.arrayContaining([
          { table: 'imp_user', operation: 'delete', count: 1, sysIds: [failed.split('/').at(-1)] },
        ]),
      },
    ]);
  });

  it('refuses a table that takes no import rows', async () => {
    const reply = await post('incident', { short_description: 'x' });
    expect(reply.status).toBe(400);
    expect(reply.json).toEqual({
      error: { message: 'Invalid table incident', detail: null },
      status: 'failure',
    });
  });
});
