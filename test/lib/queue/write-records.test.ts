import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { deadlineAt } from '../../../lib/core/deadline.ts';
import { deriveSysId, deriveUpsertSysId } from '../../../lib/operations/identity.ts';
import {
  AnswerLostError,
  InstanceAsleepError,
  InstanceUnavailableError,
  ThrottledError,
  UnknownOutcomeError,
} from '../../../lib/servicenow/errors/outages.ts';
import type { ServiceNowClient, ServiceNowRequest } from '../../../lib/servicenow/request.ts';
import { type EmulatedQueue, type QueueOptions, startQueue, type TestMessage } from './emulated-queue.ts';

let queue: EmulatedQueue;
afterEach(() => queue.close());

async function start(options: QueueOptions = {}) {
  queue = await startQueue(options);
  const { store } = queue.instance.state;
  for (const { sys_id } of store.select('incident')) store.remove('incident', String(sys_id));
  queue.requests();
}

const incidents = () => queue.instance.state.store.select('incident');
const journal = (sysId: string) =>
  queue.instance.state.store.select('sys_journal_field').filter(({ element_id }) => element_id === sysId);
const create = (id: string, record: object = { short_description: id }): TestMessage => ({
  id,
  body: { table: 'incident', record },
});
const minutesAgo = (minutes: number) =>
  new Date(Date.now() - minutes * 60_000).toISOString().slice(0, 19).replace('T', ' ');
const times = (count: number) => Array.from({ length: count }, (_, index) => index);

/** A client whose answers are spoilt after the instance has done its work. */
function losing(answerOf: (request: ServiceNowRequest) => boolean, times = 1) {
  let left = times;
  return (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      const response = await client.send(request, context);
      if (left === 0 || !answerOf(request)) return response;
      left -= 1;
      const failure = { method: request.method, path: request.path };
      if (request.method === 'GET') throw new AnswerLostError('lost', failure);
      throw new UnknownOutcomeError('lost', { ...failure, outcome: 'unknown' });
    },
  });
}

describe('creates', () => {
  it('become records under the sys_id that their key gives', async () => {
    await start();
    expect(await queue.deliver([create('m1'), { ...create('m2'), key: 'k2' }])).toEqual([]);
    expect(
      incidents()
        .map(({ sys_id }) => sys_id)
        .toSorted(),
    ).toEqual([deriveSysId('incident', 'm1'), deriveSysId('incident', 'k2')].toSorted());
  });

  it('hold numbers digit by digit, however long', async () => {
    await start();
    const body = '{"table":"incident","record":{"correlation_id":98765432109876543210}}';
    await queue.deliver([{ id: 'm1', body }]);
    expect(incidents()).toMatchObject([{ correlation_id: '98765432109876543210' }]);
  });

  it('travel fifty in a request', async () => {
    await start();
    expect(await queue.deliver(times(120).map((index) => create(`m${index}`)))).toEqual([]);
    expect(incidents()).toHaveLength(120);
    expect(queue.requests()).toEqual([
      'POST /api/now/v1/batch',
      'POST /api/now/v1/batch',
      'POST /api/now/v1/batch',
    ]);
  });

  it('travel one by one when the Batch API is switched off', async () => {
    await start({ environment: { RECORDS_BATCH_API: 'false' } });
    expect(await queue.deliver(times(3).map((index) => create(`m${index}`)))).toEqual([]);
    expect(queue.requests()).toEqual(times(3).map(() => 'POST /api/now/table/incident'));
  });

  it('have one effect when they are delivered again, sent twice, or both in one batch', async () => {
    await start();
    const messages = times(20).map((index) => create(`m${index}`));
    await queue.deliver(messages);
    expect(
      await queue.deliver([
        ...messages,
        { ...create('other'), key: 'm3' },
        { ...create('another'), key: 'm3' },
      ]),
    ).toEqual([]);
    expect(incidents()).toHaveLength(20);
    expect(queue.deadLetters).toEqual([]);
    expect(queue.counted.filter((name) => name === 'Deduplicated')).toHaveLength(22);
  });

  it('have one effect when two copies of the function race on them', async () => {
    await start();
    const messages = times(60).map((index) => create(`m${index}`));
    await Promise.all([queue.deliver(messages), queue.deliver(messages.toReversed())]);
    expect(incidents()).toHaveLength(60);
  });

  it('have one effect, and are known to be finished, when the answer is lost', async () => {
    await start({ through: losing((request) => request.path.endsWith('/batch')) });
    expect(await queue.deliver([create('m1'), create('m2')])).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });

  it('come back when nobody can tell what became of them', async () => {
    await start({ through: losing(() => true, 2) });
    expect(await queue.deliver([create('m1'), create('m2')])).toEqual(['m1', 'm2']);
    expect(await queue.deliver([create('m1'), create('m2')])).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });

  it('go by correlation_id in tables that refuse a given sys_id', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: 'incident' } });
    await queue.deliver([{ ...create('m1'), key: 'order-7' }]);
    await queue.deliver([{ ...create('m2'), key: 'order-7' }]);
    expect(incidents()).toMatchObject([{ correlation_id: 'order-7' }]);
  });

  it('are two for two keys that differ in letter case only, in such tables too', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    for (const key of ['order-7', 'Order-7', 'order-7']) await queue.deliver([{ ...create('m1'), key }]);
    expect(incidents().map(({ correlation_id }) => correlation_id)).toEqual(
      expect.arrayContaining(['order-7', 'Order-7']),
    );
    expect(incidents()).toHaveLength(2);
  });

  it('are not taken for done where such a table has no correlation_id', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    const user = { id: 'm1', body: { table: 'sys_user', record: { user_name: 'new' } }, key: 'k' };
    expect(await queue.deliver([user])).toEqual(['m1']);
    expect(await queue.deliver([{ ...user, receiveCount: 9, firstReceivedMsAgo: 3_700_000 }])).toEqual([]);
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorMessage: expect.stringContaining('sys_user has no column correlation_id') } },
    ]);
  });

  it.each([
    'Operation against file ‘incident’ was aborted by Business Rule ‘No doubles^1’',
    'Data Policy Exception: x',
  ])('are known to be done when their repeat is refused: %s', async (detail) => {
    await start();
    const { faults } = queue.instance.control;
    const error = { message: 'Operation Failed', detail };
    faults.add({ match: { method: 'POST' }, action: 'reset-after-commit' });
    expect(await queue.deliver([create('m1')])).toEqual([]);
    faults.add({
      match: { method: 'POST' },
      action: 'answer',
      status: 403,
      json: { error, status: 'failure' },
      count: 2,
    });
    expect(await queue.deliver([create('m1')])).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
    await queue.deliver([create('m2')]);
    expect(queue.deadLetters).toHaveLength(1);
    expect(incidents()).toHaveLength(1);
  });
});

describe('updates', () => {
  const sysId = 'a'.repeat(32);
  const seed = () =>
    queue.instance.state.store.seed('incident', {
      sys_id: sysId,
      short_description: 'old',
      category: 'network',
    });
  const update = (id: string, record: object): TestMessage => ({
    id,
    body: { action: 'update', table: 'incident', sysId, record },
  });

  it('change what is given, clear what is empty and leave the rest', async () => {
    await start();
    seed();
    expect(await queue.deliver([update('m1', { short_description: 'new', category: '' })])).toEqual([]);
    expect(incidents()).toMatchObject([{ short_description: 'new', category: '' }]);
  });

  it('of one record keep the order of the batch', async () => {
    await start();
    seed();
    await queue.deliver(times(8).map((index) => update(`m${index}`, { short_description: `v${index}` })));
    expect(incidents()).toMatchObject([{ short_description: 'v7' }]);
  });

  it('find the record that was made before them in the same batch, however full that is', async () => {
    await start();
    const made = deriveSysId('incident', 'k');
    const change = {
      id: 'm2',
      body: { action: 'update', table: 'incident', sysId: made, record: { urgency: '1' } },
    };
    // Until the instance has once taken the credentials, calls go alone.
    await queue.deliver([create('m0')]);
    queue.instance.control.faults.add({
      match: { path: '/api/now/v1/batch' },
      action: 'latency',
      latencyMs: 50,
    });
    // The last of the first request, and the first of the second.
    const messages = [
      ...times(49).map((index) => create(`other${index}`)),
      { ...create('m1'), key: 'k' },
      change,
    ];
    expect(await queue.deliver(messages)).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
    expect(queue.instance.state.store.find('incident', made)).toMatchObject({ urgency: '1' });
  });

  it('write a note once, though the answer was lost', async () => {
    await start({ through: losing(({ method }) => method === 'PATCH') });
    seed();
    expect(await queue.deliver([update('m1', { work_notes: 'seen^it\nall', state: '2' })])).toEqual([]);
    expect(journal(sysId)).toMatchObject([{ value: 'seen^it\nall' }]);
  });

  it('write a note once, though the function died after it and the message came back', async () => {
    await start();
    seed();
    await queue.deliver([update('m1', { work_notes: 'once' })]);
    queue.restart();
    expect(await queue.deliver([{ ...update('m1', { work_notes: 'once' }), receiveCount: 2 }])).toEqual([]);
    expect(journal(sysId)).toHaveLength(1);
  });

  it('write a note once, though its sender sent it twice, to two processes or to one', async () => {
    await start();
    seed();
    const note = (id: string) => ({ ...update(id, { work_notes: 'once' }), key: 'k' });
    expect(await queue.deliver([note('m1'), note('m2')])).toEqual([]);
    expect(await queue.deliver([note('m3')])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([note('m4')])).toEqual([]);
    expect(journal(sysId)).toHaveLength(1);
  });

  it('write a note for each key, though the texts are the same', async () => {
    await start();
    seed();
    const note = (id: string, key: string) => ({ ...update(id, { work_notes: 'still down' }), key });
    await queue.deliver([note('m1', 'noon'), note('m2', 'five past')]);
    await queue.deliver([note('m3', 'ten past')]);
    expect(journal(sysId)).toHaveLength(3);
    await queue.deliver([note('m4', 'five past')]);
    expect(journal(sysId)).toHaveLength(3);
  });

  it('write every one of the same notes that come back together, in a new process as well', async () => {
    await start();
    seed();
    const notes = times(3).map((index) => ({
      ...update(`m${index}`, { comments: 'still down' }),
      receiveCount: 2,
    }));
    await queue.deliver(notes.slice(0, 1));
    queue.restart();
    expect(await queue.deliver(notes)).toEqual([]);
    expect(journal(sysId)).toHaveLength(3);
  });

  it('do not take the note of another message for their own when theirs was lost', async () => {
    await start();
    seed();
    const notes = times(2).map((index) => update(`m${index}`, { comments: 'still down' }));
    await queue.deliver(notes.slice(0, 1));
    queue.instance.control.faults.add({ match: { method: 'PATCH' }, action: 'reset-before-commit' });
    expect(await queue.deliver(notes.slice(1))).toEqual(['m1']);
    expect(await queue.deliver(notes.slice(1).map((note) => ({ ...note, receiveCount: 2 })))).toEqual([]);
    expect(journal(sysId)).toHaveLength(2);
  });

  it('do not look at notes from before their message was handed out', async () => {
    await start();
    seed();
    const { store } = queue.instance.state;
    const entry = { element: 'comments', element_id: sysId, name: 'incident', value: 'still down' };
    store.seed('sys_journal_field', { ...entry, sys_id: '1', sys_created_on: minutesAgo(4) });
    expect(
      await queue.deliver([
        { ...update('m1', { comments: 'still down' }), receiveCount: 2, firstReceivedMsAgo: 60_000 },
        { ...update('m2', { comments: 'still down' }), key: 'k' },
      ]),
    ).toEqual([]);
    expect(journal(sysId)).toHaveLength(3);
  });

  it('come back when the journal cannot be seen, rather than write a note twice', async () => {
    await start();
    seed();
    queue.instance.control.faults.add({
      match: { path: '/api/now/table/sys_journal_field' },
      action: 'answer',
      status: 200,
      headers: { 'x-total-count': '1' },
      json: { result: [] },
    });
    expect(await queue.deliver([{ ...update('m1', { comments: 'x' }), receiveCount: 2 }])).toEqual(['m1']);
    expect(journal(sysId)).toEqual([]);
  });

  it('write the same note twice when two messages ask for it', async () => {
    await start();
    seed();
    await queue.deliver([update('m1', { comments: 'still down' }), update('m2', { comments: 'still down' })]);
    expect(journal(sysId)).toHaveLength(2);
  });

  it('of a record that is not there go to the dead-letter queue', async () => {
    await start();
    expect(await queue.deliver([update('m1', { state: '2' })])).toEqual([]);
    expect(queue.deadLetters).toMatchObject([
      {
        attributes: {
          ErrorCode: 'RECORD_NOT_FOUND',
          Attempts: '1',
          RequestId: 'invocation-1',
          IdempotencyKey: 'm1',
        },
      },
    ]);
  });
});

describe('upserts', () => {
  const upsert = (id: string, match: object, record: object): TestMessage => ({
    id,
    body: { action: 'upsert', table: 'incident', match, record },
  });

  it('create what does not match and update what does', async () => {
    await start();
    expect(
      await queue.deliver([upsert('m1', { correlation_id: 'x' }, { short_description: 'one' })]),
    ).toEqual([]);
    expect(
      await queue.deliver([upsert('m2', { correlation_id: 'x' }, { short_description: 'two' })]),
    ).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', short_description: 'two' }]);
  });

  it('find what an earlier message of the same batch created', async () => {
    await start();
    const made = create('m1', { correlation_id: 'x', short_description: 'made' });
    expect(
      await queue.deliver([made, upsert('m2', { correlation_id: 'x' }, { short_description: 'found' })]),
    ).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', short_description: 'found' }]);
  });

  it('that race make one record', async () => {
    await start();
    const race = times(6).map((index) =>
      queue.deliver([upsert(`m${index}`, { correlation_id: 'x' }, { category: 'network' })]),
    );
    expect((await Promise.all(race)).flat()).toEqual([]);
    expect(incidents()).toHaveLength(1);
  });

  it('keep the order of the batch with what names the same record otherwise', async () => {
    await start();
    const sysId = 'd'.repeat(32);
    queue.instance.state.store.seed('incident', {
      sys_id: sysId,
      correlation_id: 'x',
      correlation_display: 'y',
    });
    const named = (id: string, record: object): TestMessage => ({
      id,
      body: { action: 'update', table: 'incident', sysId, record },
    });
    await queue.deliver([
      upsert('m1', { correlation_id: 'x' }, { category: 'network', subcategory: 'm1' }),
      named('m2', { category: 'hardware' }),
      upsert('m3', { correlation_display: 'y' }, { description: 'm3' }),
      named('m4', { description: 'm4' }),
    ]);
    expect(incidents()).toMatchObject([{ category: 'hardware', description: 'm4' }]);
    await queue.deliver([
      named('m5', { description: 'm5' }),
      upsert('m6', { correlation_id: 'x' }, { description: 'm6' }),
      upsert('m7', { correlation_display: 'y' }, { description: 'm7' }),
    ]);
    expect(incidents()).toMatchObject([{ description: 'm7' }]);
    await queue.deliver([
      upsert('m8', { correlation_id: 'x' }, { description: 'm8' }),
      { id: 'm9', body: { action: 'delete', table: 'incident', sysId } },
    ]);
    expect(incidents()).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('cost one request more beside updates of other records, not one each', async () => {
    await start();
    const ids = times(10).map((index) => `${index}`.repeat(32));
    for (const sys_id of ids)
      queue.instance.state.store.seed('incident', { sys_id, short_description: 'old' });
    queue.requests();
    const messages = ids.flatMap((sysId, index) => [
      upsert(`u${index}`, { correlation_id: sysId }, { category: 'network' }),
      { id: `m${index}`, body: { action: 'update', table: 'incident', sysId, record: { urgency: '1' } } },
    ]);
    expect(await queue.deliver(messages)).toEqual([]);
    expect(incidents()).toHaveLength(20);
    expect(queue.requests().length).toBeLessThan(4);
  });

  it('create when what they found is deleted before they update it', async () => {
    const deleting = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (request.method === 'PATCH')
          for (const { sys_id } of incidents()) queue.instance.state.store.remove('incident', String(sys_id));
        return client.send(request, context);
      },
    });
    await start({ through: deleting });
    await queue.deliver([create('m1', { correlation_id: 'x' })]);
    expect(await queue.deliver([upsert('m2', { correlation_id: 'x' }, { category: 'network' })])).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', category: 'network' }]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('find by a reference, and by a column of what it leads to, which is not written', async () => {
    const written: unknown[] = [];
    const listening = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send(request, context) {
        if (request.method === 'POST') written.push(request.body);
        return client.send(request, context);
      },
    });
    await start({ through: listening });
    const { store } = queue.instance.state;
    store.seed('sys_user', { sys_id: 'c'.repeat(32), user_name: 'carla', email: 'carla@example.com' });
    const byReference = { caller_id: 'c'.repeat(32) };
    await queue.deliver([upsert('m1', byReference, { short_description: 'made' })]);
    await queue.deliver([upsert('m2', byReference, { short_description: 'changed' })]);
    await queue.deliver([upsert('m3', { 'caller_id.user_name': 'carla' }, { category: 'network' })]);
    expect(incidents()).toMatchObject([{ short_description: 'changed', category: 'network' }]);
    await queue.deliver([upsert('m4', { 'caller_id.user_name': 'nobody' }, { category: 'inquiry' })]);
    const sysId = deriveUpsertSysId('incident', { 'caller_id.user_name': 'nobody' });
    expect(written.at(-1)).toEqual({ category: 'inquiry', sys_id: sysId });
  });

  it('take a value for text, whatever stands in it', async () => {
    await start();
    const odd = ['a^ORstate=1', 'b^NQactive=true', '=c', 'INd,e', 'f\'"%_', '𝒈 ü ^'];
    const messages = (prefix: string, record: object) =>
      odd.map((value, index) => upsert(`${prefix}${index}`, { correlation_id: value }, record));
    expect(await queue.deliver(messages('m', { category: 'network' }))).toEqual([]);
    expect(await queue.deliver(messages('n', { category: 'hardware' }))).toEqual([]);
    expect(incidents().map(({ correlation_id }) => correlation_id)).toEqual(expect.arrayContaining(odd));
    expect(incidents().map(({ category }) => category)).toEqual(odd.map(() => 'hardware'));
    await queue.deliver([
      upsert('o1', { correlation_id: 'javascript:gs.sleep(9)' }, {}),
      upsert('o2', { correlation_id: 'a\nb' }, {}),
    ]);
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage'])).toEqual([
      expect.stringContaining('must not start with javascript:'),
      expect.stringContaining('must not hold control characters'),
    ]);
  });

  it('make one record in tables that refuse a given sys_id, though the answer is lost', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    queue.instance.control.faults.add({ match: { method: 'POST' }, action: 'reset-after-commit' });
    const asked = upsert('m1', { correlation_id: 'x' }, { category: 'network', comments: 'once' });
    expect(await queue.deliver([asked])).toEqual([]);
    expect(await queue.deliver([{ ...asked, id: 'm2' }])).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', category: 'network' }]);
    expect(incidents()[0]?.['sys_id']).not.toBe(deriveUpsertSysId('incident', { correlation_id: 'x' }));
    expect(queue.requests().filter((request) => request === 'POST /api/now/table/incident')).toHaveLength(1);
  });

  it('refuse a match with a record that the user may not see, as it would be created once more', async () => {
    await start();
    queue.instance.control.faults.add({
      match: { method: 'GET' },
      action: 'answer',
      status: 200,
      headers: { 'x-total-count': '1' },
      json: { result: [] },
    });
    await queue.deliver([upsert('m1', { correlation_id: 'x' }, {})]);
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorMessage: 'match: finds a record that the user may not read' } },
    ]);
    expect(incidents()).toEqual([]);
  });

  it('refuse a match that finds more than one record, or that the instance would pass over', async () => {
    await start();
    await queue.deliver([create('m1', { category: 'network' }), create('m2', { category: 'network' })]);
    await queue.deliver([
      upsert('m3', { category: 'network' }, { state: '2' }),
      upsert('m4', { no_such_column: '1' }, { state: '2' }),
    ]);
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage'])).toEqual([
      expect.stringContaining('match: finds more than one'),
      expect.stringContaining('match.no_such_column'),
    ]);
    expect(incidents().map(({ state }) => state)).toEqual(['1', '1']);
  });
});

describe('deletes', () => {
  it('succeed again when the record is gone', async () => {
    await start();
    await queue.deliver([create('m1')]);
    const remove = {
      id: 'm2',
      body: { action: 'delete', table: 'incident', sysId: deriveSysId('incident', 'm1') },
    };
    expect(await queue.deliver([remove])).toEqual([]);
    expect(await queue.deliver([remove])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
  });
});

describe('a message that can never be written', () => {
  it.each([
    ['{"table":', 'body: not valid JSON'],
    ['[]', 'body: must be a JSON object'],
    [{ record: {} }, 'table: required; a table name'],
    [{ table: '../x', record: {} }, 'table: a table name'],
    [{ table: 'incident' }, 'record: required'],
    [{ table: 'incident', record: [] }, 'record: required'],
    [{ table: 'incident', record: {}, priority: 1 }, 'priority: unknown here'],
    [{ table: 'incident', record: {}, action: 'replace' }, 'action: create, update, upsert or delete'],
    [{ table: 'incident', record: {}, action: 'update' }, 'sysId: required'],
    [{ table: 'incident', record: {}, action: 'upsert', match: {} }, 'match: names no column'],
    [{ table: 'incident', record: {}, action: 'upsert', match: { a: '' } }, 'match.a: empty'],
    [{ table: 'incident', record: {}, action: 'upsert', match: { a: ' ' } }, 'match.a: empty'],
    [{ table: 'incident', record: {}, action: 'upsert', match: { a: 5 } }, 'match.a: must be text'],
    [{ table: 'incident', record: {}, action: 'upsert', match: { 'a^b': '5' } }, 'not the name of a column'],
    [{ table: 'incident', record: { sys_id: '1' } }, 'record.sys_id: is derived'],
    [
      { table: 'incident', record: {}, options: { inputDisplayValues: true } },
      'options.inputDisplayValues: unknown here',
    ],
    [{ table: 'incident', record: {}, key: '' }, 'key: empty'],
    [{ table: 'incident', record: {}, instance: 'nobody' }, 'instance: '],
    [{ table: 'nowhere', record: {} }, 'Invalid table'],
  ])('goes to the dead-letter queue with its reason, and touches no other: %j', async (body, reason) => {
    await start();
    expect(await queue.deliver([create('m1'), { id: 'bad', body }, create('m2')])).toEqual([]);
    expect(incidents()).toHaveLength(2);
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorMessage: expect.stringContaining(reason) } },
    ]);
  });

  it('is one whose key attribute holds bytes, as it would be written under another key each time', async () => {
    await start();
    await queue.deliver([
      { ...create('m1'), attributes: { IdempotencyKey: { dataType: 'Binary', binaryValue: 'AAEC' } } },
    ]);
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorMessage: expect.stringContaining('IdempotencyKey: '), IdempotencyKey: 'm1' } },
    ]);
    expect(incidents()).toEqual([]);
  });

  it('stays in its queue, with what follows it in its group, when the dead-letter queue does not take it', async () => {
    await start({ refuseDeadLetters: true });
    const bad = { id: 'bad', body: '{' };
    expect(await queue.deliver([create('m1'), bad, create('m2')])).toEqual(['bad']);
    const grouped = [create('m3'), bad, create('m4')].map((message) => ({ ...message, group: 'g' }));
    expect(await queue.deliver(grouped)).toEqual(['bad', 'm4']);
  });

  it('stays in its queue when SQS has not answered before the time is over', async () => {
    await start({ sqsIsSilent: true });
    expect(await queue.deliver([{ id: 'bad', body: '{' }], 40)).toEqual(['bad']);
  });

  it('is one for a table that the deployment does not list', async () => {
    await start({ environment: { ALLOWED_TABLES: 'incident' } });
    await queue.deliver([{ id: 'm1', body: { table: 'sys_user', record: {} } }]);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'TABLE_NOT_ALLOWED' } }]);
  });
});

describe('an instance that is down', () => {
  const down =
    (retryAfterMs?: number) =>
    (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send: async ({ method, path }) => {
        throw new InstanceUnavailableError('down', { method, path, retryAfterMs });
      },
    });

  it('parks messages for a growing time and buries none of them, however often they come', async () => {
    await start({ through: down() });
    for (const receiveCount of [1, 2, 5, 40]) {
      expect(
        await queue.deliver([{ ...create(`m${receiveCount}`), receiveCount, firstReceivedMsAgo: 3_500_000 }]),
      ).toEqual([`m${receiveCount}`]);
    }
    expect([...queue.hidden.values()]).toEqual([9, 18, 144, 810]);
    expect(queue.deadLetters).toEqual([]);
    expect(queue.counted.filter((name) => name === 'Parked')).toHaveLength(4);
  });

  it('gives a message up after the time that the deployment chose', async () => {
    await start({ through: down(), environment: { RECORDS_PARK_FOR_SECONDS: '60' } });
    expect(await queue.deliver([{ ...create('m1'), receiveCount: 7, firstReceivedMsAgo: 61_000 }])).toEqual(
      [],
    );
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorCode: 'INSTANCE_UNAVAILABLE', Attempts: '7' } },
    ]);
  });

  /** Of the queues, local/package/resources: SQS gives a message up that was received so often. */
  const maxReceiveCount = 100;
  const visibilityTimeoutSeconds = 360;

  it.each([
    { told: 'nothing', retryAfterMs: undefined, canHide: true, group: undefined },
    { told: 'nothing, on a FIFO queue', retryAfterMs: undefined, canHide: true, group: 'g' },
    { told: 'Retry-After: 1', retryAfterMs: 1_000, canHide: true, group: undefined },
    { told: 'Retry-After: 1, on a FIFO queue', retryAfterMs: 1_000, canHide: true, group: 'g' },
    { told: 'nothing, and nothing can be hidden', retryAfterMs: undefined, canHide: false, group: undefined },
  ])('costs no message its tries in an hour: $told', async ({ retryAfterMs, canHide, group }) => {
    let elapsedMs = 0;
    const clock = { now: () => Date.now() + elapsedMs, sleep: async () => {} };
    await start({ through: down(retryAfterMs), clock });
    let receives = 0;
    for (let left = 1; left > 0 && receives <= maxReceiveCount; ) {
      receives += 1;
      const message = { ...create('m1'), receiveCount: receives, ...(group && { group }) };
      left = (await queue.deliver([message])).length;
      const seconds = canHide ? (queue.hidden.get('receipt-m1') ?? 0) : visibilityTimeoutSeconds;
      if (left > 0) elapsedMs += seconds * 1000;
    }
    expect(receives).toBeLessThan(30);
    // Without the milliseconds that the function itself took.
    expect(elapsedMs).toBeGreaterThanOrEqual(3_600_000);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'INSTANCE_UNAVAILABLE' } }]);
  });

  it('is not asked again for every batch of a long queue, but after a while', async () => {
    let nowMs = Date.now();
    let sent = 0;
    const counting = (client: ServiceNowClient): ServiceNowClient => ({
      ...down()(client),
      send: async ({ method, path }) => {
        sent += 1;
        throw new InstanceAsleepError('asleep', { method, path });
      },
    });
    await start({ through: counting, clock: { now: () => nowMs, sleep: async () => {} } });
    for (let batch = 0; batch < 10; batch += 1) {
      expect(await queue.deliver([create(`m${batch}`)])).toEqual([`m${batch}`]);
    }
    expect(sent).toBe(1);
    nowMs += 10_001;
    await queue.deliver([create('later')]);
    expect(sent).toBe(2);
  });

  it('is not asked all the time when it asks to be asked again at once', async () => {
    let sent = 0;
    const counting = (client: ServiceNowClient): ServiceNowClient => {
      const { send } = down(0)(client);
      return {
        ...client,
        send(request, context) {
          sent += 1;
          return send(request, context);
        },
      };
    };
    await start({ through: counting });
    await queue.deliver([create('m1')]);
    await queue.deliver([create('m2')]);
    expect([...queue.hidden.values()]).toEqual([1, 1]);
    expect(sent).toBe(1);
  });

  it('that only throttles gives up no message before SQS would, and then with the reason', async () => {
    const throttling = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send: async ({ method, path }) => {
        throw new ThrottledError('hourly limit', { method, path, retryAfterMs: 3_600_000 });
      },
    });
    await start({ through: throttling });
    const late = { ...create('m1'), receiveCount: 20, firstReceivedMsAgo: 20 * 3_600_000 };
    expect(await queue.deliver([late])).toEqual(['m1']);
    expect(queue.hidden.get('receipt-m1')).toBe(3_600);
    await queue.close();
    await start({ through: throttling });
    expect(await queue.deliver([{ ...late, receiveCount: 99 }])).toEqual([]);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'THROTTLED', Attempts: '99' } }]);
  });

  it('says when messages come back', async () => {
    await start({ through: down(90_000) });
    await queue.deliver([create('m1')]);
    expect(queue.hidden.get('receipt-m1')).toBe(90);
  });
});

describe('a batch that runs out of time', () => {
  it('starts nothing that it could not report on, and returns every id', async () => {
    await start();
    expect(await queue.deliver([create('m1'), create('m2')], 300)).toEqual(['m1', 'm2']);
    expect(queue.requests()).toEqual([]);
  });

  it('returns exactly the ids that were not finished when time runs out', async () => {
    let nowMs = 0;
    const clock = { now: () => nowMs, sleep: async () => {} };
    const slow = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        nowMs += 20_000;
        return client.send(request, { ...context, deadline: deadlineAt(Date.now() + 5_000, systemClock) });
      },
    });
    await start({ through: slow, clock });
    const chain = times(4).map((index) => ({ ...create(`m${index}`), group: 'one' }));
    expect(await queue.deliver(chain)).toEqual(['m3']);
    expect(incidents()).toHaveLength(3);
    expect(queue.deadLetters).toEqual([]);
  });
});

describe('a call that is in flight when time runs out', () => {
  it('is broken off, and asked about while there is time for that', async () => {
    await start();
    queue.instance.control.faults.add({
      match: { path: '/api/now/v1/batch' },
      action: 'stall',
      stallMs: 60_000,
    });
    expect(await queue.deliver([create('m1'), create('m2')], 2_000)).toEqual([]);
    expect(incidents()).toHaveLength(2);
    expect(queue.requests()).toEqual(['POST /api/now/v1/batch', 'POST /api/now/v1/batch']);
  });

  it('is returned when the instance does not answer that question either', async () => {
    await start();
    queue.instance.control.faults.add({
      match: { path: '/api/now/*' },
      action: 'stall',
      stallMs: 60_000,
      count: 9,
    });
    expect(await queue.deliver([create('m1'), create('m2')], 2_000)).toEqual(['m1', 'm2']);
    queue.instance.control.faults.clear();
    expect(await queue.deliver([create('m1'), create('m2')])).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });
});

describe('a batch of calls', () => {
  it('is carried out item by item: what the instance puts off is sent again, what it refuses is refused alone', async () => {
    let first = true;
    const puttingOff = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (!first || !request.path.endsWith('/batch')) return client.send(request, context);
        first = false;
        const { rest_requests }: { rest_requests: { id: string }[] } = Object(request.body);
        const served = await client.send(
          { ...request, body: { batch_request_id: '1', rest_requests: rest_requests.slice(0, 2) } },
          context,
        );
        return {
          ...served,
          body: { ...Object(served.body), unserviced_requests: rest_requests.slice(2).map(({ id }) => id) },
        };
      },
    });
    await start({ through: puttingOff });
    const refused = { id: 'bad', body: { table: 'nowhere', record: {} } };
    expect(await queue.deliver([create('m1'), create('m2'), create('m3'), refused])).toEqual([]);
    expect(incidents()).toHaveLength(3);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'INVALID_TABLE' } }]);
  });

  it('whose items are put off by a limit of the Batch API goes on as single calls', async () => {
    await start({ instance: { switches: { batchMaxInputBytes: 1_000 } } });
    const large = create('large', { short_description: 'large', description: 'x'.repeat(2_000) });
    expect(await queue.deliver([create('m1'), large, create('m2'), create('m3')])).toEqual([]);
    expect(incidents()).toHaveLength(4);
    expect(queue.requests().filter((request) => request.endsWith('/batch')).length).toBeLessThan(3);
  });

  it.each([403, 404])(
    'goes as single calls where the Batch API answers %i, and is not tried again',
    async (status) => {
      await start();
      const error = { message: 'Requested URI does not represent any resource', detail: null };
      queue.instance.control.faults.add({
        match: { path: '/api/now/v1/batch' },
        action: 'answer',
        status,
        json: { error, status: 'failure' },
        count: 9,
      });
      expect(await queue.deliver(times(4).map((index) => create(`m${index}`)))).toEqual([]);
      expect(await queue.deliver(times(4).map((index) => create(`n${index}`)))).toEqual([]);
      expect(incidents()).toHaveLength(8);
      expect(queue.requests()).toEqual([
        'POST /api/now/v1/batch',
        ...times(8).map(() => 'POST /api/now/table/incident'),
      ]);
      expect(queue.deadLetters).toEqual([]);
    },
  );

  it('leaves in doubt what it was answered 200 without a word about, and settles that by asking', async () => {
    let first = true;
    const forgetting = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        const response = await client.send(request, context);
        if (!first || !request.path.endsWith('/batch')) return response;
        first = false;
        const { serviced_requests }: { serviced_requests: unknown[] } = Object(response.body);
        return { ...response, body: { serviced_requests: serviced_requests.slice(1) } };
      },
    });
    await start({ through: forgetting });
    const { store } = queue.instance.state;
    store.seed('incident', { sys_id: 'b'.repeat(32), short_description: 'noted' });
    const note = {
      id: 'm1',
      body: { action: 'update', table: 'incident', sysId: 'b'.repeat(32), record: { work_notes: 'one' } },
    };
    const other = { ...note, id: 'm2', body: { ...note.body, sysId: 'c'.repeat(32) } };
    store.seed('incident', { sys_id: 'c'.repeat(32), short_description: 'noted, too' });
    expect(await queue.deliver([note, other])).toEqual([]);
    expect(journal('b'.repeat(32))).toHaveLength(1);
    expect(journal('c'.repeat(32))).toHaveLength(1);
  });

  it.each([
    'server-error',
    'unavailable',
    'reset-before-commit',
    'reset-after-commit',
    'error-after-commit',
    'truncate',
  ])('has one effect for each item when the request as a whole meets: %s', async (action) => {
    await start();
    queue.instance.control.faults.add({ match: { path: '/api/now/v1/batch' }, action });
    expect(await queue.deliver(times(4).map((index) => create(`m${index}`)))).toEqual([]);
    expect(incidents()).toHaveLength(4);
  });
});

describe('a FIFO group', () => {
  it('is handled in order, and what comes after a failure waits with it', async () => {
    const flaky = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (JSON.stringify(request.body).includes('fails'))
          throw new InstanceUnavailableError('down', { method: 'POST', path: '/' });
        return client.send(request, context);
      },
    });
    await start({ through: flaky, environment: { RECORDS_BATCH_API: 'false' } });
    const message = (id: string, group: string, description = id) => ({
      ...create(id, { short_description: description }),
      group,
    });
    const messages = [
      message('a1', 'a'),
      message('b1', 'b'),
      message('a2', 'a', 'fails'),
      message('b2', 'b'),
      message('a3', 'a'),
    ];
    expect(await queue.deliver(messages)).toEqual(['a2', 'a3']);
    expect(incidents().map(({ short_description }) => short_description)).toEqual(['a1', 'b1', 'b2']);
  });

  it('keeps what can never be written behind what comes back, and tells of it once', async () => {
    let isDown = true;
    const recovering = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (isDown) throw new InstanceUnavailableError('down', { method: 'POST', path: '/' });
        return client.send(request, context);
      },
    });
    await start({ through: recovering, clock: { now: () => (isDown ? 0 : 60_000), sleep: async () => {} } });
    const messages = [create('m1'), { id: 'bad', body: '{' }].map((message) => ({ ...message, group: 'g' }));
    expect(await queue.deliver(messages)).toEqual(['m1', 'bad']);
    expect([...queue.hidden.keys()]).toEqual(['receipt-m1', 'receipt-bad']);
    expect(queue.deadLetters).toEqual([]);
    isDown = false;
    expect(await queue.deliver(messages.map((message) => ({ ...message, receiveCount: 2 })))).toEqual([]);
    expect(queue.deadLetters).toHaveLength(1);
  });

  it('goes on after a message that can never be written', async () => {
    await start();
    const messages = [create('m1'), { id: 'bad', body: '{' }, create('m3')].map((message) => ({
      ...message,
      group: 'g',
    }));
    expect(await queue.deliver(messages)).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });
});
