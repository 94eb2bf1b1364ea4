import { describe, expect, it } from 'vitest';
import { correlationIdOf, deriveSysId } from '../../../lib/operations/identity.ts';
import { passingCodes } from '../../../lib/record-queue/redrive.ts';
import { create, deployment, incidents, losing, losingWrites, queue, start, times } from './writing.ts';

describe('creates', () => {
  it('become records under the sys_id that their key gives', async () => {
    await start();
    expect(await queue.deliver([create('m1'), { ...create('m2'), key: 'k2' }])).toEqual([]);
    expect(
      incidents()
        .map(({ sys_id }) => sys_id)
        .toSorted(),
    ).toEqual(
      [deriveSysId(deployment, 'incident', 'm1'), deriveSysId(deployment, 'incident', 'k2')].toSorted(),
    );
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

  it('as large as SQS takes them travel in requests that an instance takes', async () => {
    await start();
    const large = (id: string) => create(id, { short_description: id, description: 'x'.repeat(1_000_000) });
    expect(await queue.deliver(times(5).map((index) => large(`m${index}`)))).toEqual([]);
    expect(incidents()).toHaveLength(5);
    expect(queue.requests()).toHaveLength(3);
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

  it('come back when their outcome cannot be determined', async () => {
    await start({ through: losing(() => true, 2) });
    expect(await queue.deliver([create('m1'), create('m2')])).toEqual(['m1', 'm2']);
    expect(await queue.deliver([create('m1'), create('m2')])).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });

  it('go by correlation_id in tables that refuse a given sys_id', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: 'incident' } });
    await queue.deliver([{ ...create('m1'), key: 'order-7' }]);
    await queue.deliver([{ ...create('m2'), key: 'order-7' }]);
    expect(incidents()).toMatchObject([{ correlation_id: 'servicenow-functions/dev/incident:order-7' }]);
  });

  it('are two for two keys that differ in letter case only, in such tables too', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    for (const key of ['order-7', 'Order-7', 'order-7']) await queue.deliver([{ ...create('m1'), key }]);
    expect(incidents().map(({ correlation_id }) => correlation_id)).toEqual(
      expect.arrayContaining(
        ['order-7', 'Order-7'].map((key) => correlationIdOf(deployment, 'incident', key)),
      ),
    );
    expect(incidents()).toHaveLength(2);
  });

  it('of another deployment are other records in such tables too, under the same key', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    const correlationId = correlationIdOf('servicenow-functions/prod', 'incident', 'order-7');
    queue.instance.state.store.seed('incident', { correlation_id: correlationId });
    expect(await queue.deliver([{ ...create('m1'), key: 'order-7' }])).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });

  it('do not come back in such tables once we deleted them, though they could not be remembered', async () => {
    const { switched, throughTable } = losingWrites((text) => text.includes('"applied"'));
    await start({ environment: { CORRELATION_ID_TABLES: '*' }, throughTable });
    const made = { ...create('m1'), key: 'order-7' };
    expect(await queue.deliver([made])).toEqual(['m1']);
    switched.on = false;
    const [record] = incidents();
    const remove = { action: 'delete', table: 'incident', sysId: record?.['sys_id'] };
    expect(await queue.deliver([{ id: 'm2', body: remove }])).toEqual([]);
    queue.later(180_000);
    expect(await queue.deliver([{ ...made, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('are distinguished from real refusals while look-ups lag behind what was written', async () => {
    await start({ instance: { switches: { lookupLagMs: 30_000, lookupLagOnGet: true } } });
    const made = { ...create('m1'), key: 'k' };
    await Promise.all([queue.deliver([made]), queue.deliver([{ ...made, id: 'm2' }])]);
    expect(queue.deadLetters).toEqual([]);
    queue.later(31_000);
    expect(await queue.deliver([{ ...made, id: 'm2', receiveCount: 2 }])).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
    expect(incidents()).toHaveLength(1);
  });

  const made = { ...create('m1'), key: 'k' };
  /** An instance that refuses each insert as if the record existed. */
  async function startRefusing() {
    await start();
    const error = { message: 'Operation Failed', detail: 'Error during insert of incident (x)' };
    const json = { error, status: 'failure' };
    const match = { method: 'POST' };
    queue.instance.control.faults.add({ match, action: 'answer', status: 403, json, count: 9 });
  }

  it('have one effect when they are handed out twice while look-ups lag behind what was written', async () => {
    await start({ instance: { switches: { lookupLagMs: 30_000, lookupLagOnGet: true } } });
    expect(await queue.deliver([create('m1')])).toEqual([]);
    expect(await queue.deliver([create('m1')])).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
    expect(incidents()).toHaveLength(1);
  });

  it('may be moved back where an insert was refused and no record was shown until the last receive', async () => {
    await startRefusing();
    expect(await queue.deliver([{ ...made, receiveCount: 100 }])).toEqual([]);
    const [letter] = queue.deadLetters;
    expect(passingCodes).toContain(letter?.attributes['ErrorCode']);
  });

  it('are dead letters in the end when an insert is refused and no record is shown for a minute', async () => {
    await startRefusing();
    expect(await queue.deliver([made])).toEqual(['m1']);
    queue.later(61_000);
    expect(await queue.deliver([{ ...made, receiveCount: 40 }])).toEqual([]);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'INSERT_REFUSED' } }]);
  });

  it.each([
    ['finds any record', false],
    ['finds nothing', true],
  ])(
    'are not sent where such a table has no correlation_id and a query by it %s',
    async (_what, isStrict) => {
      const instance = { switches: { invalidQueryReturnsNoRows: isStrict } };
      await start({ instance, environment: { CORRELATION_ID_TABLES: '*' } });
      const user = { id: 'm1', body: { table: 'sys_user', record: { user_name: 'new' } }, key: 'k' };
      expect(await queue.deliver([user])).toEqual(['m1']);
      expect(await queue.deliver([{ ...user, receiveCount: 11, firstReceivedMsAgo: 3_700_000 }])).toEqual([]);
      expect(queue.deadLetters).toMatchObject([
        { attributes: { ErrorMessage: expect.stringContaining('sys_user has no column correlation_id') } },
      ]);
      const users = queue.instance.state.store.select('sys_user');
      expect(users.filter(({ user_name }) => user_name === 'new')).toEqual([]);
    },
  );

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

it('logs what was done with each message, and whose it was', async () => {
  await start();
  const sender = 'AROAEXAMPLE:session';
  const made = { ...create('m1'), key: 'k', sender };
  await queue.deliver([made]);
  await queue.deliver([
    { ...made, id: 'm2' },
    { id: 'm3', body: 'no object', sender },
  ]);
  const lines = queue.logged.filter(({ event }) => /^(record-written|message-)/.test(String(event)));
  expect(lines).toMatchObject([
    { event: 'record-written', messageId: 'm1', caller: sender, how: 'done' },
    { event: 'record-written', messageId: 'm2', caller: sender, how: 'duplicate' },
    { event: 'message-dead-lettered', messageId: 'm3', caller: sender, attempts: 1 },
  ]);
});

describe('a key that was used before for another record', () => {
  const made = (id: string, record: object) => ({ id, body: { table: 'incident', record }, key: 'k' });
  const differing = () => queue.logged.filter(({ event }) => event === 'duplicate-differs');
  const codes = () => queue.deadLetters.map(({ attributes }) => attributes['ErrorCode']);
  const first = { short_description: 'one', work_notes: 'a', u_log: 'a', urgency: '1' };
  const journal = { name: 'task', columns: [{ name: 'u_log', kind: 'journal' as const }] };
  const instance = { schema: { tables: [journal] } };

  it('makes no second record, and the log names the columns that differ', async () => {
    await start({ instance });
    await queue.deliver([made('m1', first)]);
    queue.restart();
    expect(await queue.deliver([made('m2', { ...first, short_description: 'two', u_log: 'b' })])).toEqual([]);
    expect(incidents()).toMatchObject([{ short_description: 'one' }]);
    expect(differing()).toMatchObject([{ messageId: 'm2', table: 'incident', columns: 'short_description' }]);
    expect(queue.counted).toContain('Deduplicated');
    expect(queue.deadLetters).toEqual([]);
  });

  it('is reported in one batch too', async () => {
    await start();
    expect(await queue.deliver([made('m1', { urgency: '1' }), made('m2', { urgency: '2' })])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '1' }]);
    expect(differing()).toMatchObject([{ messageId: 'm2', columns: 'urgency' }]);
  });

  it('is not reported for a message that is the same, and costs no further request', async () => {
    await start();
    const plain = { short_description: 'one', work_notes: 'a', urgency: '1' };
    await queue.deliver([made('m1', plain)]);
    queue.requests();
    await queue.deliver([made('m2', { ...plain, urgency: '1 - High' })]);
    expect(queue.requests()).toHaveLength(2);
    expect(differing()).toEqual([]);
  });

  it('is reported in a line of bounded length, whatever the columns are called', async () => {
    await start();
    await queue.deliver([made('m1', {})]);
    const wide = Object.fromEntries(times(900).map((one) => [`u_${one}${'x'.repeat(200)}`, 'x']));
    expect(await queue.deliver([made('m2', wide)])).toEqual([]);
    expect(String(differing()[0]?.['columns']).length).toBeLessThan(2_000);
  });

  it.each([
    ['a table of correlationIdTables', { environment: { CORRELATION_ID_TABLES: 'incident' } }],
    ['a table that ignores a given sys_id', { instance: { switches: { ignoreGivenSysIdOn: ['incident'] } } }],
  ])('is a dead letter where the ledger knows the first one: %s', async (_name, options) => {
    await start(options);
    await queue.deliver([made('m1', { urgency: '1' })]);
    queue.restart();
    expect(await queue.deliver([made('m2', { urgency: '1' })])).toEqual([]);
    expect(await queue.deliver([made('m3', { urgency: '2' })])).toEqual([]);
    expect(codes()).toEqual(['KEY_REUSED']);
    expect(incidents()).toMatchObject([{ urgency: '1' }]);
  });

  it('is a dead letter where it named an update', async () => {
    await start();
    const sysId = 'd'.repeat(32);
    queue.instance.state.store.seed('incident', { sys_id: sysId });
    const body = { action: 'update', table: 'incident', sysId, record: { urgency: '1' } };
    await queue.deliver([{ id: 'm1', body, key: 'k' }]);
    expect(await queue.deliver([made('m2', { urgency: '2' })])).toEqual([]);
    expect(codes()).toEqual(['KEY_REUSED']);
    expect(incidents()).toHaveLength(1);
  });
});
