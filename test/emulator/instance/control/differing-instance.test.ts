import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { FaultRequest } from '../../../../emulator/instance/control/fault-plan.ts';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import type { BusinessRuleRequest } from '../../../../emulator/instance/store/business-rules.ts';
import type { Switches } from '../../../../emulator/instance/switches.ts';
import { call } from '../caller.ts';
import { create, list, recordIn, recordsIn } from '../records.ts';

let instance: Instance;

beforeAll(async () => {
  instance = await startInstance({
    demoData: false,
    control: true,
    accounts: [{ userName: 'writer', password: 'w', roles: ['itil'] }],
  });
});
afterAll(() => instance.close());
beforeEach(() => {
  instance.control.reset();
  instance.control.auth.access.clear();
});

const set = (switches: Partial<Switches>) =>
  call(instance, 'PUT', '/__emulator/switches', { json: switches, as: '' });
const strike = (fault: FaultRequest) => call(instance, 'POST', '/__emulator/faults', { json: fault, as: '' });
const rule = (request: BusinessRuleRequest) =>
  call(instance, 'POST', '/__emulator/rules', { json: request, as: '' });
const post = (table: string, json: unknown) => call(instance, 'POST', `/api/now/table/${table}`, { json });
const held = (table: string) => instance.state.store.select(table);
const insertMultiple = (records: unknown[]) =>
  call(instance, 'POST', '/api/now/import/imp_computer/insertMultiple', { json: { records } });
const sysId = '00000000000000000000000000000abc';

describe('an instance that ignores a given sys_id', () => {
  it('creates a record per POST, in the tables that the switch names', async () => {
    await set({ ignoreGivenSysIdOn: ['incident'] });
    const ids = [
      await create(instance, 'incident', { sys_id: sysId }),
      await create(instance, 'incident', { sys_id: sysId }),
    ];
    expect(ids.map((record) => record.sys_id)).not.toContain(sysId);
    expect(held('incident')).toHaveLength(2);
    expect((await create(instance, 'problem', { sys_id: sysId })).sys_id).toBe(sysId);
  });
});

describe('items of a batch refused singly', () => {
  const send = async (exclude = false) => {
    const item = (id: string, url: string) => ({
      id,
      url,
      method: 'POST',
      exclude_response_headers: exclude,
    });
    const json = {
      rest_requests: [
        item('a', '/api/now/table/incident'),
        item('b', '/api/now/table/problem'),
        item('c', '/api/now/table/incident'),
      ],
    };
    const reply = await call(instance, 'POST', '/api/now/v1/batch', { json });
    const header = z.object({ name: z.string(), value: z.string() });
    const serviced = z.object({ id: z.string(), status_code: z.number(), headers: z.array(header) });
    const { serviced_requests: items } = z.object({ serviced_requests: z.array(serviced) }).parse(reply.json);
    return { status: reply.status, items };
  };

  it.each<[string, FaultRequest, number]>([
    ['a full semaphore', { action: 'throttled' }, 429],
    ['a rate limit', { action: 'throttled', retryAfterS: 4, rateLimitHeaders: true }, 429],
    ['an internal error', { action: 'server-error' }, 500],
    ['a restart', { action: 'unavailable', retryAfterS: 4 }, 503],
  ])('%s meets one item and none of its neighbours', async (_, fault, status) => {
    await strike({ ...fault, match: { batchItem: true, path: '/api/now/table/problem' } });
    const { status: outer, items } = await send();
    expect([outer, ...items.map(({ status_code }) => status_code)]).toEqual([200, 201, status, 201]);
    expect([held('incident').length, held('problem').length]).toEqual([2, 0]);
    const retryAfter = items[1]?.headers.find(({ name }) => name === 'Retry-After')?.value;
    expect(retryAfter).toBe('retryAfterS' in fault ? '4' : undefined);
  });

  it('leaves its headers out when the batch asks for none', async () => {
    await strike({ action: 'throttled', retryAfterS: 4, match: { batchItem: true }, skip: 1 });
    const { items } = await send(true);
    expect(items.map(({ status_code, headers }) => [status_code, headers])).toEqual([
      [201, []],
      [429, []],
      [201, []],
    ]);
  });

  it('leaves an item committed whose answer is an error', async () => {
    await strike({ action: 'error-after-commit', match: { batchItem: true, path: '*/problem' } });
    expect((await send()).items[1]?.status_code).toBe(500);
    expect(held('problem')).toHaveLength(1);
  });

  it('does not meet single requests, nor do faults of single requests meet items', async () => {
    await strike({ action: 'server-error', match: { batchItem: true } });
    expect((await post('incident', {})).status).toBe(201);
    await call(instance, 'DELETE', '/__emulator/faults', { as: '' });
    await strike({ action: 'server-error', match: { path: '/api/now/table/*' } });
    expect((await send()).items.map(({ status_code }) => status_code)).toEqual([201, 201, 201]);
  });
});

describe('import sets', () => {
  const records = ['a', 'b', 'c', 'd'].map((name) => ({ Name: name, 'Serial number': `S-${name}` }));
  const rows = (author = instance.username) =>
    held('imp_computer')
      .filter((row) => row['sys_created_by'] === author)
      .sort((left, right) => Number(left['sys_import_row']) - Number(right['sys_import_row']))
      .map((row) => [row['name'], row['serial_number'], row['sys_import_row']]);

  it('numbers staging rows from 0', async () => {
    await set({ stagingRowsFromZero: true });
    await insertMultiple(records);
    expect(rows().map(([name, , number]) => [name, number])).toEqual([
      ['a', '0'],
      ['b', '1'],
      ['c', '2'],
      ['d', '3'],
    ]);
  });

  it('stores the first rows of a request and then fails; the set stays in state loading', async () => {
    await strike({ action: 'half-stored', rows: 3 });
    const reply = await insertMultiple(records);
    await instance.control.clock.advance(10_000);
    expect([reply.status, rows().map(([name]) => name)]).toEqual([500, ['a', 'b', 'c']]);
    expect(held('imp_computer').map((row) => row['sys_import_state'])).toEqual([
      'pending',
      'pending',
      'pending',
    ]);
    expect(held('sys_import_set')).toMatchObject([{ state: 'loading' }]);
  });

  it('stores half of the rows and gives no answer', async () => {
    await strike({ action: 'half-stored', answer: 'reset' });
    await expect(insertMultiple(records)).rejects.toThrow();
    expect(rows()).toHaveLength(2);
  });

  it.each([
    [
      'same',
      [
        ['a', 'S-a'],
        ['b', 'S-b'],
        ['c', 'S-c'],
        ['d', 'S-d'],
      ],
    ],
    [
      'alike',
      [
        ['a', 'S-a'],
        ['b', 'S-b1'],
        ['c', 'S-c1'],
        ['d', 'S-d'],
      ],
    ],
    [
      'fewer',
      [
        ['a', 'S-a'],
        ['b', 'S-b'],
        ['c', 'S-c'],
      ],
    ],
  ])('holds another client’s import set with %s rows', async (kind, expected) => {
    await strike({ action: 'other-client', rows: kind, when: 'before' });
    expect((await insertMultiple(records)).status).toBe(201);
    expect(rows('other.client').map(([name, serial]) => [name, serial])).toEqual(expected);
    expect(rows()).toHaveLength(4);
    expect(held('sys_import_set')).toHaveLength(2);
    expect(instance.control.ledger.select({ method: 'JOB', user: 'other.client' })).toMatchObject([
      { path: 'Import by another client other.client', status: 201 },
    ]);
  });

  it('can hold one of the same user, stored after the request', async () => {
    await strike({ action: 'other-client', rows: 'same', when: 'after', userName: instance.username });
    await insertMultiple(records);
    expect(rows()).toHaveLength(8);
  });
});

describe('look-ups that lag behind writes', () => {
  beforeEach(async () => {
    instance.control.clock.freeze();
    await set({ lookupLagMs: 1_000 });
  });
  const found = async (query = '') =>
    (await list(instance, `/api/now/table/incident?sysparm_query=correlation_id=k${query}`)).length;

  it('show an insert only later, though the record can be read by its sys_id', async () => {
    const { sys_id } = await create(instance, 'incident', { correlation_id: 'k' });
    expect(await found()).toBe(0);
    expect((await call(instance, 'GET', `/api/now/table/incident/${sys_id}`)).status).toBe(200);
    await instance.control.clock.advance(1_000);
    expect(await found()).toBe(1);
  });

  it('show the values before an update, and a deleted record, until the lag is over', async () => {
    const { sys_id } = await create(instance, 'incident', { correlation_id: 'k', urgency: '1' });
    await instance.control.clock.advance(1_000);
    await call(instance, 'PATCH', `/api/now/table/incident/${sys_id}`, { json: { urgency: '2' } });
    await call(instance, 'PATCH', `/api/now/table/incident/${sys_id}`, { json: { urgency: '3' } });
    expect([await found('^urgency=1'), await found('^urgency=3')]).toEqual([1, 0]);
    await instance.control.clock.advance(1_000);
    expect([await found('^urgency=1'), await found('^urgency=3')]).toEqual([0, 1]);
    await call(instance, 'DELETE', `/api/now/table/incident/${sys_id}`);
    expect(await found()).toBe(1);
    await instance.control.clock.advance(1_000);
    expect(await found()).toBe(0);
  });

  it('show seeded rows at once, as if they had always been there', async () => {
    instance.state.store.seed('incident', { correlation_id: 'k' });
    expect(await found()).toBe(1);
  });

  it('count by X-Total-Count and by aggregate what they show, and staging rows lag as well', async () => {
    await insertMultiple([{ Name: 'a' }]);
    const staging = await call(instance, 'GET', '/api/now/table/imp_computer');
    const stats = await call(instance, 'GET', '/api/now/stats/imp_computer?sysparm_count=true');
    expect([staging.headers.get('x-total-count'), stats.json]).toEqual([
      '0',
      { result: { stats: { count: '0' } } },
    ]);
    expect(held('imp_computer')).toHaveLength(1);
  });

  it('include reads by sys_id when the switch says so', async () => {
    await set({ lookupLagOnGet: true });
    const { sys_id } = await create(instance, 'incident', {});
    const read = async () => (await call(instance, 'GET', `/api/now/table/incident/${sys_id}`)).status;
    expect(await read()).toBe(404);
    expect((await post('incident', { sys_id })).status).toBe(403);
    await instance.control.clock.advance(1_000);
    expect(await read()).toBe(200);
  });
});

describe('business rules', () => {
  it('change or close a record when it is written', async () => {
    await rule({
      table: 'incident',
      action: 'set',
      set: { state: '7', active: 'false' },
      when: { urgency: ['1'] },
    });
    const closed = await create(instance, 'incident', { urgency: '1' });
    const open = await create(instance, 'incident', { urgency: '2' });
    expect([closed['state'], closed['active'], open['state']]).toEqual(['7', 'false', '1']);
  });

  it('change a record some time later', async () => {
    instance.control.clock.freeze();
    await rule({ table: 'task', action: 'set', set: { short_description: 'changed' }, afterMs: 300 });
    await create(instance, 'incident', { short_description: 'sent' });
    expect(held('incident')).toMatchObject([{ short_description: 'sent' }]);
    await instance.control.clock.advance(300);
    expect(held('incident')).toMatchObject([{ short_description: 'changed', sys_updated_by: 'system' }]);
  });

  it('close a record some time later, whatever the policies ask of callers', async () => {
    instance.control.clock.freeze();
    await rule({ table: 'incident', action: 'set', set: { state: '7' }, afterMs: 300 });
    await create(instance, 'incident', {});
    await instance.control.clock.advance(300);
    expect(held('incident')).toMatchObject([{ state: '7', active: 'false', sys_updated_by: 'system' }]);
  });

  it('let an insert land under another sys_id, or in another table', async () => {
    await rule({ table: 'incident', action: 'redirect', count: 1 });
    const elsewhere = await create(instance, 'incident', { sys_id: sysId, correlation_id: 'k' });
    expect([elsewhere.sys_id === sysId, held('incident').length]).toEqual([false, 1]);
    await rule({ table: 'incident', action: 'redirect', toTable: 'problem' });
    await create(instance, 'incident', { sys_id: sysId, correlation_id: 'p' });
    expect([held('incident').length, held('problem')]).toMatchObject([1, [{ correlation_id: 'p' }]]);
  });

  it('hide a record from every read, though the total counts it and a repeated insert is refused', async () => {
    await rule({ table: 'incident', action: 'hide', count: 1 });
    expect((await post('incident', { sys_id: sysId })).status).toBe(403);
    const page = await call(instance, 'GET', '/api/now/table/incident');
    expect([recordsIn(page), page.headers.get('x-total-count')]).toEqual([[], '1']);
    expect((await call(instance, 'GET', `/api/now/table/incident/${sysId}`)).status).toBe(404);
    expect((await post('incident', { sys_id: sysId })).status).toBe(403);
    expect(held('incident')).toHaveLength(1);
    expect((await post('incident', {})).status).toBe(201);
  });

  it('refuse a write by chance, the same way for the same seed', async () => {
    const statuses = async () => {
      instance.control.rules.clear();
      await rule({ table: 'incident', action: 'abort', probability: 0.5, seed: 4, name: 'No' });
      const given: number[] = [];
      for (let at = 0; at < 10; at++) given.push((await post('incident', {})).status);
      return given;
    };
    const first = await statuses();
    expect(new Set(first)).toEqual(new Set([201, 403]));
    expect(await statuses()).toEqual(first);
  });

  it('set a column again that an update changes', async () => {
    const { sys_id } = await create(instance, 'incident', { urgency: '2' });
    await rule({ table: 'incident', on: ['update'], action: 'set', set: { urgency: '2' } });
    const url = `/api/now/table/incident/${sys_id}`;
    const changed = await call(instance, 'PATCH', url, { json: { urgency: '1' } });
    expect([changed.status, changed.json]).toMatchObject([200, { result: { urgency: '2' } }]);
  });

  it('are listed with how often they struck, and refused when they name an unknown column', async () => {
    await rule({ table: 'incident', action: 'set', set: { urgency: '1' } });
    await post('incident', {});
    const shown = await call(instance, 'GET', '/__emulator/rules', { as: '' });
    expect(shown.json).toMatchObject({ rules: [{ action: 'set', struck: 1 }], hidden: [] });
    const unknown = await rule({ table: 'incident', action: 'set', set: { nothing: '1' } });
    expect([unknown.status, unknown.text]).toEqual([400, expect.stringContaining('no column nothing')]);
  });
});

describe('a user who may write but not read back', () => {
  const as = 'writer:w';
  beforeEach(() => {
    instance.control.auth.access.add({ table: 'incident', operation: 'read', roles: [] });
    instance.control.auth.access.add({ table: 'incident', operation: 'write', roles: ['itil'] });
  });

  it('creates with a 403, changes nothing that it cannot see, and does so when the switch lets writes pass', async () => {
    const made = await call(instance, 'POST', '/api/now/table/incident', { as, json: { sys_id: sysId } });
    const path = `/api/now/table/incident/${sysId}`;
    const patch = () => call(instance, 'PATCH', path, { as, json: { urgency: '1' } });
    const kept = await patch();
    await set({ writesReachHiddenRecords: true });
    const changed = await patch();
    expect([made.status, kept.status, changed.status]).toEqual([403, 404, 403]);
    expect(held('incident')).toMatchObject([{ urgency: '1' }]);
    expect((await call(instance, 'DELETE', path, { as })).status).toBe(204);
    expect(held('incident')).toEqual([]);
  });
});

describe('journal text', () => {
  const stored = async (text: string) => {
    await create(instance, 'incident', { work_notes: text });
    return held('sys_journal_field').at(-1)?.['value'];
  };

  it.each<[Partial<Switches>, string, string]>([
    [{ journalTextChanges: ['trim'] }, '  a b \n', 'a b'],
    [{ journalTextChanges: ['collapse'] }, 'a \t  b', 'a b'],
    [{ journalTextChanges: ['escape-html'] }, 'a < b & c', 'a &lt; b &amp; c'],
    [{ journalTextChanges: ['crlf'] }, 'a\nb\r\nc', 'a\r\nb\r\nc'],
    [{ journalTextChanges: ['lf'] }, 'a\r\nb', 'a\nb'],
    [{ journalMaxCharacters: 3 }, 'abcdef', 'abc'],
    [{ supplementaryCharactersKept: false }, 'a \u{1F525}b', 'a ????b'],
    [{ journalTextChanges: ['trim', 'escape-html'], journalMaxCharacters: 4 }, ' <b>', '&lt;'],
  ])('is changed by %j', async (switches, sent, expected) => {
    await set(switches);
    expect(await stored(sent)).toBe(expected);
  });

  it('refuses a change that it does not know', async () => {
    const reply = await call(instance, 'PUT', '/__emulator/switches', {
      json: { journalTextChanges: ['shout'] },
      as: '',
    });
    expect(reply.status).toBe(400);
  });

  it('is kept in journal columns of other names too', async () => {
    const { sys_id } = await create(instance, 'u_field_visit', { u_visit_log: 'arrived' });
    await call(instance, 'PATCH', `/api/now/table/u_field_visit/${sys_id}`, {
      json: { u_safety_notes: 'ok' },
    });
    expect(
      held('sys_journal_field')
        .map(({ element, value }) => [element, value])
        .sort(),
    ).toEqual([
      ['u_safety_notes', 'ok'],
      ['u_visit_log', 'arrived'],
    ]);
    const column = await list(
      instance,
      '/api/now/table/sys_dictionary?sysparm_query=name=u_field_visit^element=u_visit_log',
    );
    expect(column).toMatchObject([{ internal_type: { value: 'journal_input' } }]);
    const shown = recordIn(
      await call(instance, 'GET', `/api/now/table/u_field_visit/${sys_id}?sysparm_display_value=true`),
    );
    expect(shown['u_visit_log']).toContain('(Visit log)\narrived');
  });
});
