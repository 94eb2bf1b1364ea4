import { describe, expect, it, onTestFinished } from 'vitest';
import type { InstanceOptions } from '../../emulator/instance/index.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { postRecordStagingTable, postRecordsStagingTable } from '../../lib/operations/import-set.ts';
import { deleteRecordById, patchRecordById, postRecord } from '../../lib/operations/table.ts';
import type { ServiceNowClient, ServiceNowRequest } from '../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../lib/servicenow/errors.ts';
import { startDeployment } from './emulated.ts';

const sysId = 'f'.repeat(32);

/** A deployment whose clock can be moved on. */
async function openDeployment(environment: Record<string, string> = {}, options: InstanceOptions = {}) {
  let offsetMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + offsetMs };
  const deployment = await startDeployment(environment, options, clock);
  onTestFinished(() => deployment.close());
  const { store } = deployment.instance.state;
  for (const { sys_id } of store.select('incident')) store.remove('incident', String(sys_id));
  store.seed('incident', { sys_id: sysId, number: 'INC1', short_description: 'one' });
  const notes = () => store.select('sys_journal_field').filter(({ element_id }) => element_id === sysId);
  const pass = (ms: number) => {
    offsetMs += ms;
  };
  return { deployment, store, notes, pass };
}

function lost({ method, path }: ServiceNowRequest): UnknownOutcomeError {
  return new UnknownOutcomeError(`${method} ${path}: the answer was lost; it may have succeeded`, {
    method,
    path,
    effect: 'unknown',
  });
}

/** Loses the answer to every write after the instance has done it. */
const losing = (client: ServiceNowClient): ServiceNowClient => ({
  ...client,
  async send(request, context) {
    const response = await client.send(request, context);
    if (request.method === 'GET') return response;
    throw lost(request);
  },
});

/** Loses the answer to every write before the instance has done it; `commit` lets it do so. */
function late() {
  const waiting: (() => Promise<unknown>)[] = [];
  const through = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      if (request.method === 'GET') return client.send(request, context);
      waiting.push(() => client.send(request));
      throw lost(request);
    },
  });
  return { through, commit: () => Promise.all(waiting.splice(0).map((send) => send())) };
}

const keyed = (key: string) => ({ 'idempotency-key': key });

describe('a create whose instance works on after the answer was lost', () => {
  it.each(['', 'incident'])(
    'makes one record however often it is repeated (correlationIdTables: "%s")',
    async (tables) => {
      const { deployment, store, pass } = await openDeployment({ CORRELATION_ID_TABLES: tables });
      const request = {
        method: 'POST',
        url: '/api/now/table/incident',
        body: '{"urgency":"1"}',
        headers: keyed('k1'),
      };
      const slow = late();
      expect(await deployment.serve(postRecord, slow.through).http(request)).toMatchObject({
        statusCode: 504,
        headers: { 'x-error-code': 'OUTCOME_UNKNOWN', 'retry-after': '60' },
      });
      if (tables !== '') {
        pass(30_000);
        const again = await deployment.serve(postRecord).http(request);
        expect(again).toMatchObject({
          statusCode: 504,
          headers: { 'retry-after': expect.stringMatching(/^(29|30)$/) },
        });
      }
      await slow.commit();
      pass(60_000);
      expect(await deployment.serve(postRecord).http(request)).toMatchObject({
        statusCode: 200,
        headers: { 'idempotency-replayed': 'true' },
      });
      expect(store.select('incident')).toHaveLength(2);
    },
  );

  it('is created by the repeat when the first copy never arrived', async () => {
    for (const tables of ['', 'incident']) {
      const { deployment, store, pass } = await openDeployment({ CORRELATION_ID_TABLES: tables });
      const request = { method: 'POST', url: '/api/now/table/incident', body: '{}', headers: keyed('k1') };
      await deployment.serve(postRecord, late().through).http(request);
      pass(61_000);
      expect((await deployment.serve(postRecord).http(request)).statusCode).toBe(201);
      expect(store.select('incident')).toHaveLength(2);
    }
  });
});

describe('a create whose repeat comes while look-ups lag behind what was written', () => {
  it('is answered with the record that there is, not as refused', async () => {
    const switches = { lookupLagMs: 30_000, lookupLagOnGet: true };
    const { deployment, store } = await openDeployment({}, { switches });
    const request = { method: 'POST', url: '/api/now/table/incident', body: '{}', headers: keyed('k1') };
    expect((await deployment.serve(postRecord).http(request)).statusCode).toBe(201);
    expect(await deployment.serve(postRecord).http(request)).toMatchObject({
      statusCode: 200,
      headers: { 'idempotency-replayed': 'true' },
    });
    expect(store.select('incident')).toHaveLength(2);
  });
});

describe('a create in a table of correlationIdTables that has no such column', () => {
  it.each([
    ['answers a query by it with any record', false],
    ['answers it with none', true],
  ])('is refused where the instance %s', async (_what, invalidQueryReturnsNoRows) => {
    const environment = { CORRELATION_ID_TABLES: 'cmn_location' };
    const instance = { switches: { invalidQueryReturnsNoRows } };
    const { deployment, store } = await openDeployment(environment, instance);
    const before = store.select('cmn_location').length;
    expect(before).toBeGreaterThan(0);
    const body = '{"name":"one"}';
    const request = { method: 'POST', url: '/api/now/table/cmn_location', body, headers: keyed('k1') };
    expect(await deployment.serve(postRecord).http(request)).toMatchObject({
      statusCode: 500,
      headers: { 'x-error-code': 'CONFIGURATION_INVALID' },
    });
    expect(store.select('cmn_location')).toHaveLength(before);
  });
});

describe('a create that the instance gives another sys_id', () => {
  const ignoring = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    send(request, context) {
      const { sys_id: _, ...body } = Object(request.body);
      return client.send(request.method === 'POST' ? { ...request, body } : request, context);
    },
  });

  it('is reported, and repeated no more', async () => {
    const { deployment, store } = await openDeployment();
    const post = deployment.serve(postRecord, ignoring);
    const request = { method: 'POST', url: '/api/now/table/incident', body: '{}', headers: keyed('k1') };
    const first = await post.http(request);
    expect(first).toMatchObject({
      statusCode: 201,
      headers: { 'idempotency-warning': expect.stringContaining('correlationIdTables') },
    });
    const again = await post.http(request);
    expect(again).toMatchObject({ statusCode: 200, headers: { 'idempotency-replayed': 'true' } });
    expect(Object(again.body).result.sys_id).toBe(Object(first.body).result.sys_id);
    const other = await post.http({ ...request, headers: keyed('k2') });
    expect(other.statusCode).toBe(201);
    expect((await post.http({ ...request, headers: keyed('k2') })).statusCode).toBe(200);
    expect(store.select('incident')).toHaveLength(3);
    expect(deployment.logged).toContainEqual(expect.objectContaining({ event: 'idempotency-warning' }));
  });
});

describe('an Idempotency-Key on an update', () => {
  const patch = (body: object, key: string) => ({
    method: 'PATCH',
    url: `/api/now/table/incident/${sysId}`,
    body: JSON.stringify(body),
    headers: keyed(key),
  });

  it('writes a note once, and answers the repeat with the record', async () => {
    const { deployment, notes } = await openDeployment();
    const update = deployment.serve(patchRecordById);
    expect((await update.http(patch({ work_notes: 'seen' }, 'n1'))).statusCode).toBe(200);
    expect(await update.http(patch({ work_notes: 'seen' }, 'n1'))).toMatchObject({
      statusCode: 200,
      headers: { 'idempotency-replayed': 'true' },
      body: { result: { number: 'INC1' } },
    });
    expect(notes()).toHaveLength(1);
    expect((await update.http(patch({ work_notes: 'seen' }, 'n2'))).headers).not.toHaveProperty(
      'idempotency-replayed',
    );
    expect(notes()).toHaveLength(2);
  });

  it('answers 422 to a key that was used with another body, and changes nothing', async () => {
    const { deployment, store } = await openDeployment();
    const update = deployment.serve(patchRecordById);
    await update.http(patch({ urgency: '1' }, 'n1'));
    expect(await update.http(patch({ urgency: '2' }, 'n1'))).toMatchObject({
      statusCode: 422,
      headers: { 'x-error-code': 'IDEMPOTENCY_KEY_REUSED' },
    });
    expect(store.find('incident', sysId)).toMatchObject({ urgency: '1' });
  });

  it('is written once by a repeat where the instance keeps question marks for its emoji', async () => {
    const { deployment, notes, pass } = await openDeployment(
      {},
      { switches: { supplementaryCharactersKept: false } },
    );
    const request = {
      method: 'PATCH',
      url: `/api/now/table/incident/${sysId}`,
      body: JSON.stringify({ work_notes: 'Disk \u{1F525} full' }),
      headers: keyed('n1'),
    };
    expect((await deployment.serve(patchRecordById, losing).http(request)).statusCode).toBe(504);
    pass(61_000);
    expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(200);
    expect(notes()).toHaveLength(1);
  });

  it.each([
    ['took effect', losing],
    ['never arrived', late().through],
  ])('writes a note once after a lost answer to one that %s', async (_what, through) => {
    const { deployment, notes, pass } = await openDeployment();
    const request = patch({ work_notes: 'seen', urgency: '1' }, 'n1');
    expect(await deployment.serve(patchRecordById, through).http(request)).toMatchObject({
      statusCode: 504,
      headers: { 'x-error-code': 'OUTCOME_UNKNOWN', 'retry-after': '60' },
    });
    expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(504);
    pass(61_000);
    expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(200);
    expect(notes()).toHaveLength(1);
  });

  it('is not sent again where the user may not read every entry that may be its note', async () => {
    const { deployment, notes, pass } = await openDeployment();
    const request = patch({ work_notes: 'seen' }, 'n1');
    expect((await deployment.serve(patchRecordById, losing).http(request)).statusCode).toBe(504);
    // An access rule takes rows out of a list, but not out of its total.
    deployment.instance.control.faults.add({
      match: { path: '/api/now/table/sys_journal_field' },
      action: 'answer',
      status: 200,
      headers: { 'x-total-count': '1' },
      json: { result: [] },
      count: 1,
    });
    pass(61_000);
    expect(await deployment.serve(patchRecordById).http(request)).toMatchObject({
      statusCode: 504,
      headers: { 'x-error-code': 'OUTCOME_UNKNOWN' },
    });
    expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(200);
    expect(notes()).toHaveLength(1);
  });

  it.each([-1_800_000, -300_000, 300_000])(
    'is recognised where the clock of the instance is %i ms ahead',
    async (aheadMs) => {
      const clock = { now: () => Date.now() + aheadMs };
      const { deployment, notes, pass } = await openDeployment({}, { clock });
      const request = patch({ work_notes: 'seen' }, 'n1');
      expect((await deployment.serve(patchRecordById, losing).http(request)).statusCode).toBe(504);
      pass(61_000);
      expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(200);
      expect(notes()).toHaveLength(1);
    },
  );

  it('does not revert what was written since where the clock of the instance is behind', async () => {
    const clock = { now: () => Date.now() - 300_000 };
    const { deployment, store, pass } = await openDeployment({}, { clock });
    const request = patch({ urgency: '1' }, 'n1');
    await deployment.serve(patchRecordById, losing).http(request);
    await deployment
      .serve(patchRecordById)
      .invoke({ tableName: 'incident', sysId, record: { urgency: '2' } });
    pass(61_000);
    expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(504);
    expect(store.find('incident', sysId)).toMatchObject({ urgency: '2' });
  });

  it('looks for the entry of a journal column that only this instance has, not for its value', async () => {
    const { deployment, store, pass } = await openDeployment();
    const result = [{ name: 'incident', element: 'description' }];
    const withJournal = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send: async (request, context) =>
        request.path.endsWith('/sys_dictionary')
          ? { status: 200, headers: {}, body: { result }, attempts: 1 }
          : client.send(request, context),
    });
    const request = patch({ description: 'seen' }, 'n1');
    await deployment.serve(patchRecordById, late().through).http(request);
    await deployment
      .serve(patchRecordById)
      .invoke({ tableName: 'incident', sysId, record: { urgency: '2' } });
    pass(61_000);
    expect((await deployment.serve(patchRecordById, withJournal).http(request)).statusCode).toBe(200);
    expect(store.find('incident', sysId)).toMatchObject({ description: 'seen' });
  });

  it('does not revert what was written since', async () => {
    const { deployment, store, pass } = await openDeployment();
    const request = patch({ urgency: '1' }, 'n1');
    await deployment.serve(patchRecordById, losing).http(request);
    await deployment
      .serve(patchRecordById)
      .invoke({ tableName: 'incident', sysId, record: { urgency: '2' } });
    pass(61_000);
    expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(504);
    expect(store.find('incident', sysId)).toMatchObject({ urgency: '2' });
  });

  it('is free again after a refusal', async () => {
    const { deployment } = await openDeployment();
    const url = `/api/now/table/incident/${'0'.repeat(32)}`;
    const update = deployment.serve(patchRecordById);
    for (const body of ['{"urgency":"1"}', '{"urgency":"2"}'])
      expect((await update.http({ method: 'PATCH', url, body, headers: keyed('n1') })).statusCode).toBe(404);
  });
});

describe('an Idempotency-Key on a delete', () => {
  it('answers the repeat as the first time, also after a lost answer', async () => {
    for (const isLost of [false, true]) {
      const { deployment, store, pass } = await openDeployment();
      const request = { method: 'DELETE', url: `/api/now/table/incident/${sysId}`, headers: keyed('d1') };
      const first = await deployment.serve(deleteRecordById, isLost ? losing : undefined).http(request);
      expect(first.statusCode).toBe(isLost ? 504 : 204);
      pass(61_000);
      expect(await deployment.serve(deleteRecordById).http(request)).toMatchObject({
        statusCode: 204,
        headers: { 'idempotency-replayed': 'true' },
      });
      expect(store.find('incident', sysId)).toBeUndefined();
      expect(
        (await deployment.serve(deleteRecordById).http({ ...request, headers: keyed('d2') })).statusCode,
      ).toBe(404);
    }
  });
});

describe('an Idempotency-Key on an import', () => {
  it('imports once, and repeats ids and verdicts', async () => {
    const { deployment, store } = await openDeployment();
    const one = deployment.serve(postRecordStagingTable);
    const row = {
      method: 'POST',
      url: '/api/now/import/imp_computer',
      body: '{"name":"k-one"}',
      headers: keyed('i1'),
    };
    const first = await one.http(row);
    const again = await one.http(row);
    expect([first.statusCode, again.statusCode]).toEqual([201, 200]);
    expect(Object(again.body).result[0]).toMatchObject({
      status: 'inserted',
      sys_id: Object(first.body).result[0].sys_id,
    });
    expect(store.select('imp_computer').filter(({ name }) => name === 'k-one')).toHaveLength(1);
    const many = deployment.serve(postRecordsStagingTable);
    const rows = {
      ...row,
      url: `${row.url}/insertMultiple`,
      body: '{"records":[{"Name":"k-two"}]}',
      headers: keyed('i2'),
    };
    const set = await many.http(rows);
    expect((await many.http(rows)).body).toEqual(set.body);
    expect(await many.http({ ...rows, body: '{"records":[{"Name":"k-three"}]}' })).toMatchObject({
      statusCode: 422,
    });
  });

  it('is never sent again after a lost answer, since its rows cannot be distinguished from others', async () => {
    const { deployment, store, pass } = await openDeployment();
    const row = {
      method: 'POST',
      url: '/api/now/import/imp_computer',
      body: '{"name":"k-four"}',
      headers: keyed('i1'),
    };
    await deployment.serve(postRecordStagingTable, losing).http(row);
    pass(61_000);
    const again = await deployment.serve(postRecordStagingTable).http(row);
    expect(again).toMatchObject({ statusCode: 504, headers: { 'x-error-code': 'OUTCOME_UNKNOWN' } });
    expect(again.headers).not.toHaveProperty('retry-after');
    expect(store.select('imp_computer').filter(({ name }) => name === 'k-four')).toHaveLength(1);
  });
});

describe('an asynchronous Invoke that Lambda repeats', () => {
  it('creates one record without a key of its own, as the request id stays the same', async () => {
    for (const tables of ['', 'incident']) {
      const { deployment, store, pass } = await openDeployment({ CORRELATION_ID_TABLES: tables });
      const event = { tableName: 'incident', record: { short_description: 'async' } };
      const slow = late();
      await expect(deployment.serve(postRecord, slow.through).invoke(event)).rejects.toMatchObject({
        name: 'UnknownOutcomeError',
      });
      await slow.commit();
      pass(61_000);
      await deployment
        .serve(postRecord)
        .invoke(event)
        .catch(() => undefined);
      const made = store.select('incident').filter(({ short_description }) => short_description === 'async');
      expect(made).toHaveLength(1);
      expect(made[0]?.['correlation_id'] ?? '').toBe('');
    }
  });
});

describe('a note whose answer was lost', () => {
  it.each([
    ['longer than its column', 'y'.repeat(6_000), []],
    ['with other line ends', 'a\r\nb', ['lf']],
    ['with markup', '<b>&</b>', ['escape-html']],
    ['with several blanks', 'a   b', ['collapse']],
    ['given as a list', ['a', 'b'], []],
    ['given as an object', { a: 1 }, []],
    ['with half a surrogate pair', 'a\ud800', []],
  ])('is written once by a repeat: %s', async (_name, note, journalTextChanges) => {
    const { deployment, notes, pass } = await openDeployment({}, { switches: { journalTextChanges } });
    const request = {
      method: 'PATCH',
      url: `/api/now/table/incident/${sysId}`,
      body: JSON.stringify({ work_notes: note }),
      headers: keyed('n1'),
    };
    expect((await deployment.serve(patchRecordById, losing).http(request)).statusCode).toBe(504);
    pass(61_000);
    expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(200);
    expect(notes()).toHaveLength(1);
  });

  it.each([
    ['took effect', losing],
    ['never arrived', late().through],
  ])(
    'is written once where its column keeps a few characters, next to one that begins alike: it %s',
    async (_what, through) => {
      const { deployment, notes, pass } = await openDeployment(
        {},
        { switches: { journalMaxCharacters: 12 } },
      );
      const patch = (text: string) => ({
        method: 'PATCH',
        url: `/api/now/table/incident/${sysId}`,
        body: JSON.stringify({ work_notes: text }),
        headers: keyed(text.replaceAll(' ', '-')),
      });
      const serve = deployment.serve(patchRecordById);
      expect((await serve.http(patch('Disk full on web-01'))).statusCode).toBe(200);
      const second = patch('Disk full on web-02');
      expect((await deployment.serve(patchRecordById, through).http(second)).statusCode).toBe(504);
      pass(61_000);
      expect((await serve.http(second)).statusCode).toBe(200);
      expect(notes()).toHaveLength(2);
    },
  );
});

describe('a journal column that only this instance has', () => {
  const journalOf = (table: string): InstanceOptions => ({
    schema: {
      tables: [
        { name: table, columns: [{ name: 'u_log', kind: 'journal' }] },
        { name: 'problem', columns: [{ name: 'u_plain' }] },
        { name: 'cmdb_ci', columns: [{ name: 'u_plain', kind: 'journal' }] },
      ],
    },
  });
  const write = (method: string, body: object, table = 'incident') => ({
    method,
    url: `/api/now/table/${table}${method === 'POST' ? '' : `/${sysId}`}`,
    body: JSON.stringify(body),
    headers: keyed('n1'),
  });

  it.each(['incident', 'task'])('gets one entry of a repeated update, defined on %s', async (table) => {
    const { deployment, notes } = await openDeployment({}, journalOf(table));
    for (const body of [{ u_log: 'seen' }, { u_log: 'seen', work_notes: '' }]) {
      const request = { ...write('PATCH', body), headers: keyed(JSON.stringify(body).slice(9, 20)) };
      const before = notes().length;
      await deployment.serve(patchRecordById).http(request);
      const again = await deployment.serve(patchRecordById).http(request);
      expect(again).toMatchObject({ statusCode: 200, headers: { 'idempotency-replayed': 'true' } });
      expect(again.headers).not.toHaveProperty('idempotency-differs');
      expect(notes()).toHaveLength(before + 1);
    }
  });

  it.each([
    ['took effect', losing],
    ['never arrived', late().through],
  ])('gets one entry after a lost answer to an update that %s', async (_what, through) => {
    const { deployment, notes, pass } = await openDeployment({}, journalOf('task'));
    const request = write('PATCH', { u_log: 'seen' });
    expect((await deployment.serve(patchRecordById, through).http(request)).statusCode).toBe(504);
    pass(61_000);
    expect((await deployment.serve(patchRecordById).http(request)).statusCode).toBe(200);
    expect(notes()).toHaveLength(1);
  });

  it('is not named in Idempotency-Differs of a create, where a column that differs is', async () => {
    const { deployment } = await openDeployment({}, journalOf('task'));
    const create = deployment.serve(postRecord);
    await create.http(write('POST', { u_log: 'seen', urgency: '1' }));
    const same = await create.http(write('POST', { u_log: 'seen', urgency: '1' }));
    expect(same.headers).not.toHaveProperty('idempotency-differs');
    const other = await create.http(write('POST', { u_log: 'other', urgency: '2' }));
    expect(other).toMatchObject({ statusCode: 200, headers: { 'idempotency-differs': 'urgency' } });
  });

  it('is distinguished from a column of the same name that is no journal', async () => {
    const { deployment } = await openDeployment({}, journalOf('task'));
    const create = deployment.serve(postRecord);
    await create.http(write('POST', { u_plain: 'one' }, 'problem'));
    expect(await create.http(write('POST', { u_plain: 'two' }, 'problem'))).toMatchObject({
      headers: { 'idempotency-differs': 'u_plain' },
    });
  });

  it('costs no request where nothing differs', async () => {
    const { deployment } = await openDeployment({}, journalOf('task'));
    const create = deployment.serve(postRecord);
    const { ledger } = deployment.instance.state;
    for (let copy = 0; copy < 2; copy += 1) await create.http(write('POST', { urgency: '1' }));
    const asked = ledger.select({ since: 0 }).map(({ path }) => path);
    expect(asked.filter((path) => path.includes('sys_dictionary'))).toEqual([]);
  });
});
