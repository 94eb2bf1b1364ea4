import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import {
  createRecord,
  deleteRecord,
  getRecord,
  listRecords,
  updateRecord,
} from '../../../lib/servicenow/records.ts';
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

  it('sends an update and a delete once when the answer is lost, since the first copy may still be running', async () => {
    const { url, seen } = await scriptedServer((response) => void response.destroy());
    const client = clientFor({ instanceUrl: url, auth: basic }, { maxAttempts: 3 });
    const record = { short_description: 'x' };
    const lost = { code: 'OUTCOME_UNKNOWN', effect: 'unknown', attempts: 1 };
    await expect(updateRecord(client, { table: 'incident', sysId: 'a', record })).rejects.toMatchObject(lost);
    await expect(deleteRecord(client, { table: 'incident', sysId: 'a' })).rejects.toMatchObject(lost);
    expect(seen).toHaveLength(2);
  });

  it('sends a create with its own sys_id again when the answer is lost, since a second copy is refused', async () => {
    const { url, seen } = await scriptedServer((response) => void response.destroy());
    const client = clientFor({ instanceUrl: url, auth: basic }, { maxAttempts: 3 });
    const record = { sys_id: 'f'.repeat(32) };
    const lost = { code: 'OUTCOME_UNKNOWN', attempts: 3 };
    await expect(createRecord(client, { table: 'incident', record })).rejects.toMatchObject(lost);
    expect(seen).toHaveLength(3);
  });

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
