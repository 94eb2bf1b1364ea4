import { beforeEach, describe, expect, it } from 'vitest';
import {
  getRecordsStagingTable,
  postRecordStagingTable,
  postRecordsStagingTable,
} from '../../lib/operations/import-set.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { until } from '../until.ts';
import { type EmulatedDeployment, startDeployment } from './emulated.ts';

let deployment: EmulatedDeployment;
beforeEach(async () => {
  deployment = await startDeployment();
  return () => deployment.close();
});

const url = '/api/now/import/imp_computer';
const rows = (table: string, where = (_row: Record<string, unknown>) => true) =>
  deployment.instance.state.store.select(table).filter(where);

/** A client for which the instance answers like this. */
const answering =
  (body: unknown) =>
  (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    send: async () => ({ status: 201, headers: {}, body, attempts: 1 }),
  });

describe('postRecordStagingTable', () => {
  it('has a row transformed and answers ServiceNow’s verdict', async () => {
    const body = '{"name":"p3-one","serial_number":"SN-1","ram":"8"}';
    const answer = await deployment.serve(postRecordStagingTable).http({ method: 'POST', url, body });
    expect(answer).toMatchObject({
      statusCode: 201,
      body: { staging_table: 'imp_computer', result: [{ status: 'inserted' }] },
    });
    expect(answer.headers).not.toHaveProperty('x-import-status');
    expect(rows('cmdb_ci_computer', ({ name }) => name === 'p3-one')).toHaveLength(1);
  });

  it('gives a direct Invoke the verdict as plain data, from the WSO2 connector’s columns', async () => {
    const event = {
      tableNameStaging: 'imp_computer',
      name: 'p3-two',
      serialNumber: 'SN-2',
      apiColumns: { ram: '16' },
    };
    const answer = await deployment.serve(postRecordStagingTable).invoke(event);
    expect(answer).toMatchObject({ staging_table: 'imp_computer', result: [{ status: 'inserted' }] });
    expect(rows('cmdb_ci_computer', ({ serial_number }) => serial_number === 'SN-2')).toMatchObject([
      { ram: '16' },
    ]);
  });

  it('sends numbers and booleans as they are written, and null as empty, as an instance takes them', async () => {
    const row =
      '{"name":"typed","ram":8192,"cpu_count":12345678901234567890,"serial_number":true,"manufacturer":null}';
    const one = await deployment.serve(postRecordStagingTable).http({ method: 'POST', url, body: row });
    expect(one).toMatchObject({ statusCode: 201, body: { result: [{ status: 'inserted' }] } });
    const body = '{"records":[{"Name":"many","RAM (MB)":8192,"Serial number":false,"Manufacturer":null}]}';
    const many = await deployment
      .serve(postRecordsStagingTable)
      .http({ method: 'POST', url: `${url}/insertMultiple`, body });
    expect(many.statusCode).toBe(201);
    const held = (wanted: string) => rows('imp_computer', ({ name }) => name === wanted);
    expect(held('typed')).toMatchObject([
      { ram: '8192', cpu_count: '12345678901234567890', serial_number: 'true', manufacturer: '' },
    ]);
    await until(() =>
      expect(held('many')).toMatchObject([{ ram: '8192', serial_number: 'false', manufacturer: '' }]),
    );
  });

  it('reports a failed row by a header over HTTP and by a typed error in a direct Invoke', async () => {
    const failing = {
      result: [{ status: 'error', error_message: 'Target record not found' }],
      import_set: 'ISET1',
    };
    const served = deployment.serve(postRecordStagingTable, answering(failing));
    const answer = await served.http({ method: 'POST', url, body: '{"name":"x"}' });
    expect(answer).toEqual({
      statusCode: 201,
      headers: expect.objectContaining({ 'x-import-status': 'error' }),
      body: failing,
    });
    await expect(served.invoke({ tableName: 'imp_computer', name: 'x' })).rejects.toMatchObject({
      name: 'ImportRowFailedError',
      message: 'Target record not found',
    });
  });

  it.each([
    [
      'no text',
      { status: 'error', error_message: null, status_message: null },
      'the row was not transformed',
    ],
    ['the state’s comment', { status: 'error', error_message: '', status_message: 'Rejected' }, 'Rejected'],
    ['a verdict of another map before it', { status: 'error', error_message: 'No' }, 'No'],
  ])('finds a failure that comes with %s', async (_what, verdict, message) => {
    const body = { import_set: 'ISET1', result: [{ status: 'ignored', status_message: null }, 7, verdict] };
    const served = deployment.serve(postRecordStagingTable, answering(body));
    const { headers } = await served.http({ method: 'POST', url, body: '{"name":"x"}' });
    expect(headers['x-import-status']).toBe('error');
    await expect(served.invoke({ tableName: 'imp_computer', name: 'x' })).rejects.toThrow(message);
  });

  it.each([
    ['{"name":"x","ram":[8]}', /body\.ram: .*text only.*a list/],
    ['{"name":{"first":"x"}}', /body\.name: .*an object/],
    ['[{"name":"x"}]', /body: must be a single record, not an array/],
  ])('refuses %s before ServiceNow can mangle it', async (body, reason) => {
    const before = rows('imp_computer').length;
    const answer = await deployment.serve(postRecordStagingTable).http({ method: 'POST', url, body });
    expect(answer).toMatchObject({
      statusCode: 400,
      body: { error: { detail: expect.stringMatching(reason) } },
    });
    expect(rows('imp_computer')).toHaveLength(before);
  });
});

describe('getRecordsStagingTable', () => {
  it('reads the result of a row', async () => {
    await deployment
      .serve(postRecordStagingTable)
      .invoke({ tableName: 'imp_computer', name: 'p3-three', serialNumber: 'SN-3' });
    const [row] = rows('imp_computer', ({ name }) => name === 'p3-three');
    const read = deployment.serve(getRecordsStagingTable);
    expect(await read.http({ url: `${url}/${row?.['sys_id']}` })).toMatchObject({
      statusCode: 200,
      body: { result: [{ status: 'inserted', table: 'cmdb_ci_computer' }] },
    });
    expect((await read.http({ url: `${url}/0` })).statusCode).toBe(404);
  });
});

describe('postRecordsStagingTable', () => {
  it('puts many rows into one import set', async () => {
    const records = [
      { Name: 'p3-four', 'Serial number': 'SN-4' },
      { Name: 'p3-five', 'Serial number': 'SN-5' },
    ];
    const post = deployment.serve(postRecordsStagingTable);
    const answer = await post.http({
      method: 'POST',
      url: `${url}/insertMultiple`,
      body: JSON.stringify({ records }),
    });
    expect(answer).toMatchObject({
      statusCode: 201,
      body: { import_set_id: expect.any(String), multi_import_set_id: expect.any(String) },
    });
    const { import_set_id } = Object(answer.body);
    expect(rows('imp_computer', (row) => row['sys_import_set'] === import_set_id)).toHaveLength(2);
  });

  it('answers a direct Invoke with the ids of the set', async () => {
    const event = { tableName: 'imp_computer', records: [{ Name: 'p3-six' }] };
    expect(await deployment.serve(postRecordsStagingTable).invoke(event)).toMatchObject({
      result: { import_set_id: expect.any(String) },
    });
  });

  it.each([
    ['{"records":[{"Name":"a"},{"Name":[7]}]}', /records\[1\]\.Name/],
    ['{"records":"a"}', /records: required; a list of rows/],
    ['{}', /records: required/],
    ['[]', /body: must be a JSON object/],
    ['{"records":[{"Name":"a"}],"recrods":1}', /recrods: unknown parameter/],
    ['{"records":[{"Name":"a"}],"tableName":"sys_user"}', /tableName: belongs in the path/],
    ['{"records":[{"Name":"a"}],"apiVersion":"v2"}', /apiVersion: belongs in the path/],
  ])('refuses %s', async (body, reason) => {
    const answer = await deployment
      .serve(postRecordsStagingTable)
      .http({ method: 'POST', url: `${url}/insertMultiple`, body });
    expect(answer).toMatchObject({
      statusCode: 400,
      body: { error: { detail: expect.stringMatching(reason) } },
    });
  });
});
