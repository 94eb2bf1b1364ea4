import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import {
  createRecord,
  deleteRecord,
  getRecord,
  listRecords,
  updateRecord,
} from '../../../lib/servicenow/table.ts';
import { scriptedServer } from './scripted-server.ts';
import { basic, callContext, clientFor } from './testing.ts';

async function connect() {
  const instance = await startInstance();
  onTestFinished(() => instance.close());
  const auth = { type: 'basic', username: instance.username, password: instance.password } as const;
  return clientFor({ instanceUrl: instance.url, auth });
}

describe('the Table API', () => {
  it('creates, reads, updates, lists and deletes a record', async () => {
    const client = await connect();
    const context = callContext();
    const sysId = '0123456789abcdef0123456789abcdef';

    const created = await createRecord(
      client,
      { table: 'incident', record: { sys_id: sysId, short_description: 'Disk full' } },
      context,
    );
    expect(created.response.status).toBe(201);
    expect(created.record).toMatchObject({ sys_id: sysId, short_description: 'Disk full' });

    await updateRecord(
      client,
      { table: 'incident', sysId, record: { short_description: 'Disk ^ full' } },
      context,
    );
    const { record } = await getRecord(
      client,
      { table: 'incident', sysId, fields: ['short_description'] },
      context,
    );
    expect(record).toEqual({ short_description: 'Disk ^ full' });

    const listed = await listRecords(
      client,
      { table: 'incident', query: `sys_id=${sysId}`, limit: 5 },
      context,
    );
    expect(listed).toMatchObject({ totalCount: 1, records: [{ sys_id: sysId }] });

    expect((await deleteRecord(client, { table: 'incident', sysId }, context)).status).toBe(204);
    await expect(getRecord(client, { table: 'incident', sysId }, context)).rejects.toMatchObject({
      code: 'RECORD_NOT_FOUND',
      status: 404,
      body: { error: { message: 'No Record found' }, status: 'failure' },
    });
  });

  it.each([
    ['work_notes', 1],
    ['comments', 1],
    ['short_description', 3],
  ])(
    'sends an update of %s again after a lost answer only when that writes nothing twice',
    async (column, times) => {
      const { url, seen } = await scriptedServer((response) => void response.destroy());
      const client = clientFor({ instanceUrl: url, auth: basic }, { maxAttempts: 3 });
      const update = updateRecord(
        client,
        { table: 'incident', sysId: 'a', record: { [column]: 'x' } },
        callContext(),
      );
      await expect(update).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      expect(seen).toHaveLength(times);
    },
  );

  it('refuses a second record with the same sys_id as INSERT_REFUSED', async () => {
    const client = await connect();
    const options = { table: 'incident', record: { sys_id: 'f'.repeat(32), short_description: 'once' } };
    await createRecord(client, options, callContext());
    await expect(createRecord(client, options, callContext())).rejects.toMatchObject({
      code: 'INSERT_REFUSED',
      status: 403,
    });
  });
});
