import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { until } from '../until.ts';
import { call, held, invoke, uniqueWord } from './running-stack.ts';

const IMPORT = '/api/now/import/imp_computer';
const MultiImport = z.object({ import_set_id: z.string() });

describe('postRecordStagingTable', () => {
  it('over HTTP creates a computer from a row and reports it', async () => {
    const name = uniqueWord();
    const { status, body } = await call('POST', IMPORT, { name, serial_number: name, ram: '2048' });
    const [computer] = await held('cmdb_ci_computer', `name=${name}`);
    expect(status).toBe(201);
    expect(computer).toMatchObject({ serial_number: name, ram: '2048' });
    expect(body).toMatchObject({
      staging_table: 'imp_computer',
      result: [{ status: 'inserted', table: 'cmdb_ci_computer', sys_id: computer?.['sys_id'] }],
    });
  });

  it('invoked directly accepts the WSO2 connector’s parameters', async () => {
    const name = uniqueWord();
    const { data } = await invoke('postRecordStagingTable', {
      tableName: 'imp_computer',
      name,
      serialNumber: name,
      record: { os: 'Linux' },
    });
    expect(await held('cmdb_ci_computer', `name=${name}`)).toMatchObject([
      { serial_number: name, os: 'Linux' },
    ]);
    expect(data).toMatchObject({ result: [{ status: 'inserted', table: 'cmdb_ci_computer' }] });
  });

  it('reports a row that could not be transformed in a header, and by an error in a direct Invoke', async () => {
    const row = { name: uniqueWord(), serial_number: 'x', install_status: 'no such status' };
    const { headers, body } = await call('POST', IMPORT, row);
    expect(headers.get('x-import-status')).toBe('error');
    expect(body).toMatchObject({ result: [{ status: 'error' }] });
    const invoked = await invoke('postRecordStagingTable', { tableName: 'imp_computer', record: row });
    expect(invoked.errorType).toBe('ImportRowFailedError');
  });

  it('refuses a value that ServiceNow would mangle, naming its column', async () => {
    const name = uniqueWord();
    const { status, body } = await call('POST', IMPORT, { name, ram: { size: 2048 } });
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain('ram');
    expect(await held('imp_computer', `name=${name}`)).toEqual([]);
  });
});

describe('getRecordsStagingTable', () => {
  it('gives the outcome of a row again, over HTTP and directly', async () => {
    const name = uniqueWord();
    await call('POST', IMPORT, { name, serial_number: name });
    const [row] = await held('imp_computer', `name=${name}`);
    const sysId = row?.['sys_id'] ?? '';
    const expected = { result: [{ status: 'inserted', table: 'cmdb_ci_computer' }] };
    expect((await call('GET', `${IMPORT}/${sysId}`)).body).toMatchObject(expected);
    expect((await invoke('getRecordsStagingTable', { tableName: 'imp_computer', sysId })).data).toMatchObject(
      expected,
    );
  });
});

describe('postRecordsStagingTable', () => {
  it('invoked directly loads rows too', async () => {
    const word = uniqueWord();
    const records = ['a', 'b'].map((end) => ({ Name: word + end, 'Serial number': word + end }));
    const { errorType } = await invoke('postRecordsStagingTable', { tableName: 'imp_computer', records });
    expect(errorType).toBeUndefined();
    await until(async () => expect(await held('cmdb_ci_computer', `nameSTARTSWITH${word}`)).toHaveLength(2));
  });

  it('loads many rows, which become computers', async () => {
    const word = uniqueWord();
    // insertMultiple takes the labels of columns unless the instance says otherwise.
    const records = ['a', 'b', 'c'].map((end) => ({ Name: word + end, 'Serial number': word + end }));
    const { status, body } = await call('POST', `${IMPORT}/insertMultiple`, { records });
    expect(status).toBe(201);
    expect(MultiImport.parse(body).import_set_id).toMatch(/^[0-9a-f]{32}$/);
    await until(async () => expect(await held('cmdb_ci_computer', `nameSTARTSWITH${word}`)).toHaveLength(3));
  });
});
