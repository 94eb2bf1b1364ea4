import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../../emulator/instance/index.ts';
import type { SchemaDocument } from '../../../../../emulator/instance/schema/schema-file.ts';
import { call } from '../../caller.ts';
import { create, recordIn } from '../../records.ts';

const kinds: SchemaDocument['tables'][number] = {
  name: 'u_kinds',
  display: 'u_text',
  columns: [
    { name: 'u_text' },
    { name: 'u_count', kind: 'integer' },
    { name: 'u_state', kind: 'choice', choices: [{ value: '3', label: '3 - Low' }] },
    { name: 'u_flag', kind: 'boolean' },
    { name: 'u_when', kind: 'date_time' },
    { name: 'u_day', kind: 'date' },
    { name: 'u_took', kind: 'duration' },
    { name: 'u_due', kind: 'due_date' },
    { name: 'u_cost', kind: 'currency' },
    { name: 'u_secret', kind: 'password2' },
    { name: 'u_owner', kind: 'reference', reference: 'sys_user' },
    { name: 'u_of_table', kind: 'reference', reference: 'sys_db_object', referenceKey: 'name' },
    { name: 'u_target_table' },
    { name: 'u_target', kind: 'document_id', documentTable: 'u_target_table' },
  ],
};

const users = [
  {
    sys_id: 'a'.repeat(32),
    user_name: 'tester',
    name: 'Tess Ter',
    user_password: 'secret',
    time_zone: 'Europe/Berlin',
  },
];

let instance: Instance;
let sysId: string;
let admin: { link: string; name: string; value: string };

beforeAll(async () => {
  instance = await startInstance({
    schema: { tables: [kinds] },
    data: { sys_user: users },
    accounts: [{ userName: 'tester', password: 'secret', roles: ['itil'] }],
  });
  const value = 'a'.repeat(32);
  admin = { link: `${instance.url}/api/now/table/sys_user/${value}`, name: 'Tess Ter', value };
  const record = await create(instance, 'u_kinds', {
    u_text: 'plain',
    u_count: 28_800,
    u_state: '3',
    u_flag: true,
    u_when: '2026-07-01 10:00:00',
    u_took: '1970-01-02 04:23:00',
    u_cost: '1509.95',
    u_secret: 'hunter2',
    u_owner: value,
    u_of_table: 'task',
    u_target_table: 'sys_user',
    u_target: value,
  });
  sysId = record.sys_id;
});
afterAll(() => instance.close());

const read = async (query: string, path = `/api/now/table/u_kinds/${sysId}`) =>
  recordIn(await call(instance, 'GET', `${path}?${query}`));

describe('field shapes', () => {
  it('are strings with sysparm_display_value=false, booleans and numbers too', async () => {
    expect(await read('')).toMatchObject({
      u_text: 'plain',
      u_count: '28800',
      u_state: '3',
      u_flag: 'true',
      u_when: '2026-07-01 10:00:00',
      u_took: '1970-01-02 04:23:00',
      u_due: '',
      u_cost: '1509.95',
      u_owner: { link: admin.link, value: admin.value },
      u_of_table: { link: `${instance.url}/api/now/table/sys_db_object?name=task`, value: 'task' },
      u_target: { link: admin.link, value: admin.value },
    });
  });

  it('are what a form shows with true', async () => {
    expect(await read('sysparm_display_value=true')).toMatchObject({
      u_text: 'plain',
      u_count: '28,800',
      u_state: '3 - Low',
      u_flag: 'true',
      u_took: '1 Day 4 Hours 23 Minutes',
      u_due: 'UNKNOWN',
      u_cost: '$1,509.95',
      u_owner: { display_value: 'Tess Ter', link: admin.link },
      u_of_table: { display_value: 'Task' },
      u_target: { display_value: 'Tess Ter', link: admin.link },
    });
  });

  it('are those that a client in Python asks for, which writes True', async () => {
    const query =
      'sysparm_display_value=True&sysparm_exclude_reference_link=True&sysparm_fields=u_owner,u_count';
    expect(await read(query)).toEqual({ u_owner: 'Tess Ter', u_count: '28,800' });
  });

  it('are both with all, and currency has a third', async () => {
    expect(await read('sysparm_display_value=all')).toMatchObject({
      u_count: { display_value: '28,800', value: '28800' },
      u_state: { display_value: '3 - Low', value: '3' },
      u_due: { display_value: 'UNKNOWN', value: '' },
      u_cost: { display_value: '$1,509.95', value: '1509.95', currency_display_value: 'USD;1509.95' },
      u_owner: { display_value: 'Tess Ter', link: admin.link, value: admin.value },
    });
  });

  it('leave the link of a reference out on demand', async () => {
    const query = 'sysparm_exclude_reference_link=true&sysparm_fields=u_owner';
    expect(await read(query)).toEqual({ u_owner: admin.value });
    expect(await read(`${query}&sysparm_display_value=true`)).toEqual({ u_owner: 'Tess Ter' });
    expect(await read(`${query}&sysparm_display_value=all`)).toEqual({
      u_owner: { display_value: 'Tess Ter', value: admin.value },
    });
  });

  it('show null for an empty choice and nothing for an empty reference', async () => {
    const empty = await create(instance, 'u_kinds', { u_text: 'empty' });
    const path = `/api/now/table/u_kinds/${empty.sys_id}`;
    const fields = 'sysparm_fields=u_state,u_owner';
    expect(await read(fields, path)).toEqual({ u_state: '', u_owner: '' });
    expect(await read(`${fields}&sysparm_display_value=true`, path)).toEqual({ u_state: null, u_owner: '' });
    expect(await read(`${fields}&sysparm_display_value=all`, path)).toEqual({
      u_state: { display_value: null, value: '' },
      u_owner: { display_value: '', value: '' },
    });
  });

  it('show nothing for a reference that dangles', async () => {
    const dangling = await create(instance, 'u_kinds', { u_owner: 'glide.maint' });
    const path = `/api/now/table/u_kinds/${dangling.sys_id}`;
    expect(await read('sysparm_fields=u_owner&sysparm_display_value=all', path)).toMatchObject({
      u_owner: { display_value: '', value: 'glide.maint' },
    });
  });

  it.each([
    ['2026-02-29', ''],
    ['2026-13-01', ''],
    ['2024-02-29', '2024-02-29'],
    ['2026-03-01 24:00:00', '2026-03-01'],
    ['yesterday', ''],
  ])('are empty for a date that there is not: %s', async (text, day) => {
    const record = await create(instance, 'u_kinds', { u_day: text, u_when: text });
    const isTimeToo = day !== '' && !text.includes('24:00');
    expect(record).toMatchObject({ u_day: day, u_when: isTimeToo ? `${day} 00:00:00` : '' });
  });

  it('hold ciphertext for password2', async () => {
    const { u_secret: secret } = await read('');
    expect(secret).toMatch(/.{10}/);
    expect(secret).not.toContain('hunter2');
  });

  it('show a password as stars', async () => {
    const path = `/api/now/table/sys_user/${'a'.repeat(32)}`;
    expect(await read('sysparm_fields=user_password&sysparm_display_value=true', path)).toEqual({
      user_password: '********',
    });
  });

  it('show date-times in the zone of the user who asks, summer time and all', async () => {
    const reply = await call(
      instance,
      'GET',
      `/api/now/table/u_kinds/${sysId}?sysparm_display_value=all&sysparm_fields=u_when`,
      { as: 'tester:secret' },
    );
    expect(recordIn(reply)).toEqual({
      u_when: { display_value: '2026-07-01 12:00:00', value: '2026-07-01 10:00:00' },
    });
  });

  it('show and take dates in the form of the user who asks', async () => {
    const form = { date_format: 'dd/MM/yyyy', time_format: 'hh:mm a' };
    instance.control.seed({ sys_user: [{ user_name: 'sam', user_password: 'p', ...form }] });
    const zone = { timeZone: 'America/New_York' };
    instance.control.auth.directory.add({ userName: 'sam', password: 'p', roles: ['itil'], ...zone });
    const query = 'sysparm_input_display_value=true&sysparm_display_value=all&sysparm_fields=u_when,u_day';
    const reply = await call(instance, 'POST', `/api/now/table/u_kinds?${query}`, {
      as: 'sam:p',
      json: { u_when: '01/07/2026 02:30 PM', u_day: '02/07/2026' },
    });
    expect(recordIn(reply)).toEqual({
      u_when: { display_value: '01/07/2026 02:30 PM', value: '2026-07-01 18:30:00' },
      u_day: { display_value: '02/07/2026', value: '2026-07-02' },
    });
  });

  it('show date-times in UTC to a user whose zone there is not', async () => {
    instance.control.seed({
      sys_user: [{ user_name: 'martian', user_password: 'p', time_zone: 'Mars/Base' }],
    });
    instance.control.auth.directory.add({ userName: 'martian', password: 'p', roles: ['itil'] });
    const path = `/api/now/table/u_kinds/${sysId}?sysparm_display_value=true&sysparm_fields=u_when`;
    const reply = await call(instance, 'GET', path, { as: 'martian:p' });
    expect(recordIn(reply)).toEqual({ u_when: '2026-07-01 10:00:00' });
  });

  it('follow references under a flat key, and ignore names that lead nowhere', async () => {
    expect(await read('sysparm_fields=u_text,u_owner.user_name,u_owner.no_such,no_such')).toEqual({
      u_text: 'plain',
      'u_owner.user_name': 'tester',
    });
    expect(await read('sysparm_fields=u_owner.name&sysparm_display_value=all')).toEqual({
      'u_owner.name': { display_value: 'Tess Ter', value: 'Tess Ter' },
    });
  });

  it('come in the order of a Java HashMap, not in the order asked', async () => {
    const problem = await create(instance, 'problem', {});
    const path = `/api/now/table/problem/${problem.sys_id}`;
    expect(Object.keys(await read('sysparm_fields=state,sys_id,short_description', path))).toEqual([
      'sys_id',
      'short_description',
      'state',
    ]);
  });

  it('make sys_domain a reference to the global group', async () => {
    const task = await create(instance, 'incident', {});
    expect(task['sys_domain']).toEqual({
      link: `${instance.url}/api/now/table/sys_user_group/global`,
      value: 'global',
    });
  });

  it('are those of a view that names them, unless sysparm_fields does', async () => {
    const task = await create(instance, 'incident', { short_description: 'x' });
    const path = `/api/now/table/incident/${task.sys_id}`;
    expect(Object.keys(await read('sysparm_view=mobile', path)).toSorted()).toEqual(
      [
        'number',
        'short_description',
        'caller_id',
        'state',
        'priority',
        'assigned_to',
        'sys_updated_on',
      ].toSorted(),
    );
    expect(await read('sysparm_view=mobile&sysparm_fields=impact', path)).toEqual({ impact: '3' });
  });
});

describe('journal fields', () => {
  it('of a closed incident are kept like those of an open one', async () => {
    const task = await create(instance, 'incident', {
      state: '7',
      close_code: 'User error',
      close_notes: 'x',
    });
    const path = `/api/now/table/incident/${task.sys_id}`;
    const reply = await call(instance, 'PATCH', path, { json: { comments: 'still there' } });
    expect([reply.status, recordIn(reply)['sys_mod_count']]).toEqual([200, '1']);
    expect((await read('sysparm_display_value=true', path))['comments']).toContain('still there');
  });

  it('read as empty, as the whole history with true, and as raw entries in sys_journal_field', async () => {
    const task = await create(instance, 'incident', { comments: 'first' });
    const path = `/api/now/table/incident/${task.sys_id}`;
    await call(instance, 'PATCH', path, { json: { comments: 'second', work_notes: 'note' } });
    expect(await read('sysparm_fields=comments', path)).toEqual({ comments: '' });
    const { comments, work_notes: notes } = await read('sysparm_display_value=true', path);
    const when = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    expect(comments).toMatch(
      new RegExp(
        `^${when} - Integration User \\(Additional comments\\)\\nsecond\\n\\n` +
          `${when} - Integration User \\(Additional comments\\)\\nfirst\\n\\n$`,
      ),
    );
    expect(notes).toMatch(new RegExp(`^${when} - Integration User \\(Work notes\\)\\nnote\\n\\n$`));
    const entries = await call(
      instance,
      'GET',
      `/api/now/table/sys_journal_field?element_id=${task.sys_id}&sysparm_fields=element,value,name`,
    );
    expect(entries.json).toMatchObject({
      result: expect.arrayContaining([{ element: 'work_notes', value: 'note', name: 'incident' }]),
    });
  });
});
