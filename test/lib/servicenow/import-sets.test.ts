import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import { aggregate } from '../../../lib/servicenow/aggregate.ts';
import { getRowResult, insertMultiple, insertRow } from '../../../lib/servicenow/import-sets.ts';
import { listRecords } from '../../../lib/servicenow/records.ts';
import { json, scriptedServer } from './scripted-server.ts';
import { basic, callContext, clientFor } from './testing.ts';

async function connect() {
  const instance = await startInstance();
  onTestFinished(() => instance.close());
  const auth = { type: 'basic', username: instance.username, password: instance.password } as const;
  return clientFor({ instanceUrl: instance.url, auth });
}

const stagingTable = 'imp_computer';

describe('the Import Set API', () => {
  it('gives the verdict on a row, at once and when asked again', async () => {
    const client = await connect();
    const inserted = await insertRow(client, { stagingTable, row: { name: 'new-laptop' } }, callContext());
    expect(inserted).toMatchObject({
      failed: false,
      results: [{ status: 'inserted', table: 'cmdb_ci_computer' }],
    });
    expect(inserted.importSet).toMatch(/^ISET/);
    const { records } = await listRecords(client, { table: stagingTable, fields: ['sys_id'] }, callContext());
    const sysId = String(records[0]?.['sys_id']);
    const asked = await getRowResult(client, { stagingTable, sysId }, callContext());
    expect(asked.results[0]).toMatchObject({ status: 'inserted', sys_id: inserted.results[0]?.sys_id });
  });

  it('takes a row that failed for failed, though the status is 201', async () => {
    const result = [
      { transform_map: 'A', table: 'x', status: 'inserted', sys_id: 'a' },
      { transform_map: 'B', status: 'error', error_message: 'Target record not found' },
    ];
    const { url } = await scriptedServer((response) =>
      json(response, 201, { import_set: 'ISET1', staging_table: 'u_x', result }),
    );
    const answer = await insertRow(
      clientFor({ instanceUrl: url, auth: basic }),
      { stagingTable: 'u_x', row: {} },
      callContext(),
    );
    expect(answer).toMatchObject({ failed: true, response: { status: 201 } });
  });

  it('puts many rows into one import set and gives its id, wrapped or not', async () => {
    const client = await connect();
    const records = Array.from({ length: 20 }, (_, index) => ({ Name: `laptop-${index}` }));
    const { importSetId } = await insertMultiple(client, { stagingTable, records }, callContext());
    const query = `sys_import_set=${importSetId}`;
    const staged = await listRecords(
      client,
      { table: stagingTable, query, fields: ['sys_id'] },
      callContext(),
    );
    expect(staged.records).toHaveLength(20);
    const { url } = await scriptedServer((response) =>
      json(response, 201, { result: { import_set_id: 'a', multi_import_set_id: 'b' } }),
    );
    const wrapped = await insertMultiple(
      clientFor({ instanceUrl: url, auth: basic }),
      { stagingTable, records, runAfter: 'z' },
      callContext(),
    );
    expect(wrapped).toMatchObject({ importSetId: 'a', multiImportSetId: 'b' });
  });

  it('reports an unknown effect for rows whose answer is not one of this API', async () => {
    const { url, seen } = await scriptedServer((response) => json(response, 201, { hello: 'world' }));
    const client = clientFor({ instanceUrl: url, auth: basic });
    await expect(insertRow(client, { stagingTable, row: {} }, callContext())).rejects.toMatchObject({
      effect: 'unknown',
    });
    await expect(insertMultiple(client, { stagingTable, records: [] }, callContext())).rejects.toMatchObject({
      effect: 'unknown',
    });
    expect(seen).toHaveLength(2);
  });
});

describe('the Aggregate API', () => {
  it('counts, and groups what it counts', async () => {
    const client = await connect();
    const { totalCount } = await listRecords(client, { table: 'incident', limit: 1 }, callContext());
    const plain = await aggregate(client, { table: 'incident', count: true }, callContext());
    expect(plain.groups).toEqual([{ stats: { count: String(totalCount) } }]);
    const grouped = await aggregate(
      client,
      { table: 'incident', count: true, groupBy: ['state'] },
      callContext(),
    );
    expect(grouped.groups.reduce((sum, { stats }) => sum + Number(stats.count), 0)).toBe(totalCount);
    expect(grouped.groups[0]?.groupby_fields?.[0]).toMatchObject({ field: 'state' });
  });
});
