import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../../emulator/instance/index.ts';
import { call } from '../../caller.ts';
import { create, list, recordIn } from '../../records.ts';

let nowMs = Date.UTC(2026, 2, 1, 12);
let instance: Instance;

beforeAll(async () => {
  instance = await startInstance({
    demoData: false,
    clock: { now: () => nowMs },
    schema: {
      tables: [
        { name: 'incident', columns: [{ name: 'u_ticket', unique: true }] },
        {
          name: 'u_guarded',
          display: 'u_name',
          columns: [{ name: 'u_name' }, { name: 'u_reason', label: 'Reason for change' }],
          policies: [{ when: { u_name: ['policed'] }, mandatory: ['u_reason'] }],
          rules: [
            {
              name: 'Never freeze',
              sysId: 'f'.repeat(32),
              on: ['insert', 'update', 'delete'],
              when: { u_name: ['frozen'] },
            },
          ],
        },
      ],
    },
    data: { u_guarded: [{ sys_id: 'ice', u_name: 'frozen' }] },
  });
});
afterAll(() => instance.close());

const patch = (sysId: string, json: unknown, query = '', method = 'PATCH') =>
  call(instance, method, `/api/now/table/incident/${sysId}${query}`, { json });

const failure = (message: string, detail: string | null) => ({
  error: { message, detail },
  status: 'failure',
});

describe('POST to a table', () => {
  it('answers 201 with the place of the new record and the record', async () => {
    const reply = await call(instance, 'POST', '/api/now/v2/table/incident', {
      json: { short_description: 'Disk full' },
    });
    const record = recordIn(reply);
    expect(reply.status).toBe(201);
    expect(reply.headers.get('location')).toBe(
      `${instance.url}/api/now/v2/table/incident/${record['sys_id']}`,
    );
    expect(record).toMatchObject({ short_description: 'Disk full', state: '1', impact: '3', active: 'true' });
  });

  it('numbers records from INC0010001 on and keeps a number that is given, even twice', async () => {
    const fresh = await startInstance({ demoData: false });
    const first = await create(fresh, 'incident', {});
    const second = await create(fresh, 'incident', {});
    const given = [
      await create(fresh, 'incident', { number: '1234' }),
      await create(fresh, 'incident', { number: '1234' }),
    ];
    await fresh.close();
    expect([first['number'], second['number']]).toEqual(['INC0010001', 'INC0010002']);
    expect(given.map((record) => record['number'])).toEqual(['1234', '1234']);
  });

  it('numbers above the highest demo record', async () => {
    const demo = await startInstance();
    const record = await create(demo, 'incident', {});
    await demo.close();
    expect(record['number']).toBe('INC0010001');
  });

  it('fills the system columns and takes none of them from the caller', async () => {
    const record = await create(instance, 'incident', {
      sys_created_by: 'mallory',
      sys_mod_count: '7',
      sys_class_name: 'problem',
    });
    expect(record).toMatchObject({
      sys_created_on: '2026-03-01 12:00:00',
      sys_updated_on: '2026-03-01 12:00:00',
      sys_created_by: 'integration.user',
      sys_updated_by: 'integration.user',
      sys_mod_count: '0',
      sys_class_name: 'incident',
    });
  });

  it('keeps a sys_id of the caller as it is written', async () => {
    const sysId = 'ABCDEF0000000000000000000000000A';
    const record = await create(instance, 'incident', { sys_id: sysId });
    expect(record.sys_id).toBe(sysId);
    expect((await call(instance, 'GET', `/api/now/table/incident/${sysId}`)).status).toBe(200);
  });

  it('cuts a sys_id that is too long, and refuses one that is the same then', async () => {
    const start = 'd'.repeat(32);
    const record = await create(instance, 'incident', { sys_id: `${start}12345678` });
    expect(record.sys_id).toBe(start);
    expect((await call(instance, 'GET', `/api/now/table/incident/${start}`)).status).toBe(200);
    const again = { json: { sys_id: `${start}9` } };
    expect((await call(instance, 'POST', '/api/now/table/incident', again)).status).toBe(403);
  });

  it('refuses a sys_id that is taken with 403, and leaves the record as it was', async () => {
    const sys_id = '00000000000000000000000000000abc';
    await create(instance, 'incident', { sys_id, number: 'A1', short_description: 'mine' });
    const again = await call(instance, 'POST', '/api/now/table/incident', {
      json: { sys_id, number: 'A2', short_description: 'other' },
    });
    expect([again.status, again.json]).toEqual([
      403,
      failure('Operation Failed', 'Error during insert of incident (A2)'),
    ]);
    const record = recordIn(await call(instance, 'GET', `/api/now/table/incident/${sys_id}`));
    expect(record['short_description']).toBe('mine');
  });

  it('refuses a sys_id that another class of the hierarchy has', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    const reply = await call(instance, 'POST', '/api/now/table/problem', { json: { sys_id } });
    expect(reply.status).toBe(403);
  });

  it('refuses a value that a unique index has already', async () => {
    await create(instance, 'incident', { u_ticket: 'T1' });
    const reply = await call(instance, 'POST', '/api/now/table/incident', {
      json: { u_ticket: 't1', number: 'N9' },
    });
    expect([reply.status, reply.json]).toEqual([
      403,
      failure('Operation Failed', 'Error during insert of incident (N9)'),
    ]);
  });

  it('answers without a body when X-no-response-body is true', async () => {
    const reply = await call(instance, 'POST', '/api/now/table/incident', {
      json: {},
      headers: { 'X-no-response-body': 'true' },
    });
    expect([reply.status, reply.text, reply.headers.get('content-type')]).toEqual([201, '', null]);
    expect(reply.headers.get('location')).toContain('/api/now/table/incident/');
  });

  it('uses only the first of several records', async () => {
    const record = await create(instance, 'incident', [
      { short_description: 'one' },
      { short_description: 'two' },
    ]);
    expect(record['short_description']).toBe('one');
    expect(await list(instance, '/api/now/table/incident?short_description=two')).toEqual([]);
  });

  it('silently drops unknown columns and texts that are not in the list of choices, and keeps unknown integers', async () => {
    const record = await create(instance, 'incident', { no_such: 'x', category: 'gardening', impact: '9' });
    expect(record).toMatchObject({ category: '', impact: '9' });
    expect(record).not.toHaveProperty('no_such');
  });

  it('takes display values with sysparm_input_display_value', async () => {
    const record = await create(
      instance,
      'incident',
      {
        caller_id: 'integration user',
        category: 'Software',
        impact: '1 - High',
        assigned_to: 'No Such User',
      },
      '?sysparm_input_display_value=true&sysparm_exclude_reference_link=true',
    );
    const [admin] = await list(instance, '/api/now/table/sys_user?user_name=integration.user');
    expect(record).toMatchObject({
      caller_id: admin?.['sys_id'],
      category: 'software',
      impact: '1',
      assigned_to: '',
    });
  });

  it('cuts text at the length of its column', async () => {
    const record = await create(instance, 'incident', { short_description: 'x'.repeat(300) });
    expect(record['short_description']).toHaveLength(160);
  });

  it('ignores user_password', async () => {
    const user = await create(instance, 'sys_user', { user_name: 'new.one', user_password: 'secret' });
    expect(user['user_password']).toBe('');
    expect((await call(instance, 'GET', '/api/now/table/incident', { as: 'new.one:secret' })).status).toBe(
      401,
    );
  });
});

describe('PUT and PATCH', () => {
  it.each(['PUT', 'PATCH'])('%s changes what is given and leaves the rest', async (method) => {
    const { sys_id } = await create(instance, 'incident', { short_description: 'old', description: 'kept' });
    nowMs += 60_000;
    const reply = await patch(sys_id, { short_description: 'new' }, '', method);
    expect(reply.status).toBe(200);
    expect(recordIn(reply)).toMatchObject({
      short_description: 'new',
      description: 'kept',
      sys_mod_count: '1',
      sys_updated_on: new Date(nowMs).toISOString().slice(0, 19).replace('T', ' '),
    });
  });

  it('moves nothing when nothing changes', async () => {
    const before = await create(instance, 'incident', { short_description: 'same', impact: '2' });
    nowMs += 60_000;
    const after = recordIn(
      await patch(before.sys_id, { short_description: 'same', impact: 2, unknown: 'x' }),
    );
    expect(after).toEqual(before);
  });

  it('moves the system columns on no change too when the switch says so', async () => {
    const touchy = await startInstance({ demoData: false, switches: { touchOnNoChange: true } });
    const before = await create(touchy, 'incident', { short_description: 'same' });
    const reply = await call(touchy, 'PATCH', `/api/now/table/incident/${before.sys_id}`, { json: {} });
    await touchy.close();
    expect(recordIn(reply)['sys_mod_count']).toBe('1');
  });

  it('clears a column with an empty string', async () => {
    const { sys_id } = await create(instance, 'incident', { short_description: 'gone', assigned_to: 'x' });
    const record = recordIn(await patch(sys_id, { short_description: '', assigned_to: '' }));
    expect(record).toMatchObject({ short_description: '', assigned_to: '' });
  });

  it('leaves the system columns alone with sysparm_suppress_auto_sys_field', async () => {
    const { sys_id } = await create(instance, 'incident', { short_description: 'old' });
    const reply = await patch(sys_id, { short_description: 'new' }, '?sysparm_suppress_auto_sys_field=true');
    expect(recordIn(reply)).toMatchObject({ short_description: 'new', sys_mod_count: '0' });
  });

  it('counts a comment alone as a change', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    expect(recordIn(await patch(sys_id, { work_notes: 'x' }))['sys_mod_count']).toBe('1');
  });

  it('changes a child through its parent table', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    const reply = await call(instance, 'PATCH', `/api/now/table/task/${sys_id}`, {
      json: { description: 'by parent' },
    });
    expect(recordIn(reply)).not.toHaveProperty('caller_id');
    const record = recordIn(await call(instance, 'GET', `/api/now/table/incident/${sys_id}`));
    expect(record['description']).toBe('by parent');
  });

  it('answers 404 for a record that is not there, or is of another class', async () => {
    const { sys_id } = await create(instance, 'problem', {});
    for (const missing of [sys_id, 'not-a-guid']) {
      const reply = await patch(missing, { short_description: 'x' });
      expect([reply.status, reply.json]).toEqual([
        404,
        failure('No Record found', "Record doesn't exist or ACL restricts the record retrieval"),
      ]);
    }
  });
});

describe('DELETE', () => {
  it('answers 204 without body or type, and 404 the second time', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    const path = `/api/now/table/incident/${sys_id}`;
    const gone = await call(instance, 'DELETE', path);
    expect([gone.status, gone.text, gone.headers.get('content-type')]).toEqual([204, '', null]);
    expect(['pragma', 'expires', 'cache-control'].map((name) => gone.headers.get(name))).toEqual([
      null,
      null,
      null,
    ]);
    const again = await call(instance, 'DELETE', path);
    expect([again.status, again.json]).toEqual([
      404,
      failure('No Record found', "Record doesn't exist or ACL restricts the record retrieval"),
    ]);
  });
});

describe('what the instance refuses', () => {
  it('a row that a data policy finds incomplete, naming the fields by label', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    const reply = await patch(sys_id, { state: '6', close_notes: 'done' });
    expect([reply.status, reply.json]).toEqual([
      403,
      failure(
        'Operation Failed',
        'Data Policy Exception: The following fields are mandatory: Resolution code',
      ),
    ]);
    const record = recordIn(await call(instance, 'GET', `/api/now/table/incident/${sys_id}`));
    expect(record).toMatchObject({ state: '1', close_notes: '', sys_mod_count: '0' });
  });

  it('a POST against a policy of a table from a schema file', async () => {
    const reply = await call(instance, 'POST', '/api/now/table/u_guarded', { json: { u_name: 'policed' } });
    expect(reply.json).toEqual(
      failure(
        'Operation Failed',
        'Data Policy Exception: The following fields are mandatory: Reason for change',
      ),
    );
  });

  it.each([
    ['POST', '', { u_name: 'frozen' }],
    ['PATCH', '/ice', { u_reason: 'x' }],
    ['DELETE', '/ice', undefined],
  ])('a %s that a business rule aborts', async (method, path, json) => {
    const reply = await call(instance, method, `/api/now/table/u_guarded${path}`, { json });
    expect([reply.status, reply.json]).toMatchObject([
      403,
      {
        error: {
          message: 'Operation Failed',
          detail: expect.stringMatching(
            /^Operation against file 'u_guarded' was aborted by Business Rule 'Never freeze\^f{32}'\. Business Rule Stack:/,
          ),
        },
      },
    ]);
  });
});
