import { describe, expect, it } from 'vitest';
import { StateRefusedError, StateUnavailableError } from '../../../lib/aws/state-calls.ts';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import { deriveSysId, deriveUpsertSysId } from '../../../lib/operations/identity.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { ThrottledError } from '../../../lib/servicenow/errors.ts';
import type { TestMessage } from './emulated-queue.ts';
import { create, deployment, incidents, queue, start, times } from './writing.ts';

const sysId = 'a'.repeat(32);
const seed = () => queue.instance.state.store.seed('incident', { sys_id: sysId, short_description: 'old' });
const update = (id: string, record: object, of = sysId): TestMessage => ({
  id,
  body: { action: 'update', table: 'incident', sysId: of, record },
});
const remove = (id: string, of = sysId): TestMessage => ({
  id,
  body: { action: 'delete', table: 'incident', sysId: of },
});
const codes = () => queue.deadLetters.map(({ attributes }) => attributes['ErrorCode']);

describe('what the ledger remembers', () => {
  it('keeps a deleted record from being made again when its create is delivered again', async () => {
    await start();
    const made = { ...create('m1'), key: 'k' };
    await queue.deliver([made, remove('m2', deriveSysId(deployment, 'incident', 'k'))]);
    queue.restart();
    expect(await queue.deliver([{ ...made, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('keeps it from being made again by a message without a key that was sent a while ago, as if received for the first time', async () => {
    await start();
    const old = { ...create('m1'), sentAtMs: Date.now() };
    await queue.deliver([old]);
    await queue.deliver([remove('m2', deriveSysId(deployment, 'incident', 'm1'))]);
    queue.restart();
    queue.later(11_000);
    expect(await queue.deliver([old, create('m3')])).toEqual([]);
    expect(incidents()).toMatchObject([{ short_description: 'm3' }]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('makes an update of a record that we deleted a duplicate, not a dead letter', async () => {
    await start();
    seed();
    await queue.deliver([remove('m1')]);
    expect(await queue.deliver([update('m2', { urgency: '1' })])).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
    expect(queue.counted).toContain('Deduplicated');
  });

  it('is the only evidence on which a delete of a record that is not there succeeds', async () => {
    await start();
    await queue.deliver([remove('m1', 'b'.repeat(32))]);
    expect(codes()).toEqual(['RECORD_NOT_FOUND']);
  });

  it('is small, however many columns a message has', async () => {
    await start();
    seed();
    const other = 'b'.repeat(32);
    queue.instance.state.store.seed('incident', { sys_id: other });
    const names = Array.from({ length: 22_000 }, (_, index) => `u_some_column_of_mine_${index}`);
    const wide = { ...Object.fromEntries(names.map((name) => [name, 'x'])), urgency: '1' };
    const older = { ...update('m1', { urgency: '3', impact: '3' }), sentAtMs: Date.now() - 60_000 };
    expect(await queue.deliver([update('m2', wide), update('m3', { urgency: '2' }, other)])).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
    // The columns of the wide one are newer than those of a message that was sent before it.
    expect(await queue.deliver([{ ...older, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toMatchObject([
      { sys_id: sysId, urgency: '1', impact: '3' },
      { sys_id: other, urgency: '2' },
    ]);
  });

  it('is forgotten as a whole when its time is over, though DynamoDB removes it days later', async () => {
    await start();
    const match = { correlation_id: 'x' };
    const upsert = (id: string): TestMessage => ({
      id,
      body: { action: 'upsert', table: 'incident', match, record: { urgency: '1' } },
    });
    await queue.deliver([upsert('m1')]);
    const made = deriveUpsertSysId(deployment, 'incident', match, 0);
    await queue.deliver([remove('m2', made)]);
    queue.later(30 * 86_400_000 + 3_600_000);
    expect(await queue.deliver([upsert('m3'), create('m4')])).toEqual([]);
    expect(await queue.deliver([update('m5', { urgency: '2' }, made)])).toEqual([]);
    expect(incidents()).toHaveLength(2);
    expect(queue.instance.state.store.find('incident', made)).toMatchObject({ urgency: '2' });
    expect(queue.deadLetters).toEqual([]);
  });

  it('fails one message only where the state table takes no item for it', async () => {
    await start({
      throughTable: (table) => ({
        ...table,
        async writeMany(writes, call) {
          if (writes.some((write) => 'put' in write && String(write.put['columns']).includes('category')))
            throw new StateRefusedError();
          return table.writeMany(writes, call);
        },
      }),
    });
    seed();
    const other = 'b'.repeat(32);
    queue.instance.state.store.seed('incident', { sys_id: other });
    const both = [update('m1', { category: 'x' }), update('m2', { urgency: '2' }, other)];
    expect(await queue.deliver(both)).toEqual([]);
    expect(codes()).toEqual(['STATE_REFUSED']);
    expect(queue.instance.state.store.find('incident', other)).toMatchObject({ urgency: '2' });
  });

  it('reports a key that is used again for another write', async () => {
    await start();
    seed();
    await queue.deliver([{ ...update('m1', { urgency: '1' }), key: 'k' }]);
    await queue.deliver([{ ...update('m2', { urgency: '2' }), key: 'k' }]);
    expect(codes()).toEqual(['KEY_REUSED']);
    expect(incidents()).toMatchObject([{ urgency: '1' }]);
  });

  it('lets a key make one record in a table that ignores the sys_id of a create', async () => {
    await start({ instance: { switches: { ignoreGivenSysIdOn: ['incident'] } } });
    const made = { ...create('m1'), key: 'k' };
    await queue.deliver([made]);
    queue.restart();
    await queue.deliver([{ ...made, id: 'm2' }]);
    await queue.deliver([{ ...create('m3'), key: 'other' }]);
    queue.restart();
    await queue.deliver([{ ...create('m3'), key: 'other', receiveCount: 2 }]);
    expect(incidents()).toHaveLength(2);
  });

  it('takes no table for one that ignores it where a rule leads a single insert elsewhere', async () => {
    await start();
    const rule = { table: 'incident', action: 'redirect', toTable: 'problem', count: 1 } as const;
    queue.instance.control.rules.add(rule);
    const made = { ...create('m1'), key: 'k' };
    await queue.deliver([made]);
    queue.restart();
    await queue.deliver([{ ...made, id: 'm2' }, create('m3')]);
    expect(incidents()).toMatchObject([{ sys_id: deriveSysId(deployment, 'incident', 'm3') }]);
    expect(
      queue.instance.state.store.select('problem').filter((row) => row['short_description'] === 'm1'),
    ).toHaveLength(1);
  });

  it('goes on with the sys_id in a table without a correlation_id', async () => {
    await start({ instance: { switches: { ignoreGivenSysIdOn: ['sys_user'] } } });
    const user = (id: string) => ({ id, body: { table: 'sys_user', record: { user_name: id } } });
    for (const id of ['m1', 'm2', 'm1']) {
      queue.restart();
      expect(await queue.deliver([{ ...user(id), receiveCount: 2 }])).toEqual([]);
    }
    expect(queue.deadLetters).toEqual([]);
    const made = queue.instance.state.store
      .select('sys_user')
      .filter((row) => /^m\d$/.test(String(row['user_name'])));
    expect(made).toHaveLength(2);
  });

  it('lets a message make one record in such a table that Lambda hands over again as if for the first time', async () => {
    await start({ instance: { switches: { ignoreGivenSysIdOn: ['incident'] } } });
    const messages = [create('m1'), create('m2')];
    await queue.deliver(messages);
    queue.restart();
    expect(await queue.deliver(messages)).toEqual([]);
    expect(
      incidents()
        .map(({ short_description }) => short_description)
        .toSorted(),
    ).toEqual(['m1', 'm2']);
  });

  it('lets the message whose answer was lost write first, and then the others', async () => {
    await start();
    seed();
    await queue.deliver([update('m0', { description: 'the dictionary is known now' })]);
    queue.instance.control.faults.add({ match: { method: 'PATCH' }, action: 'reset-before-commit' });
    expect(await queue.deliver([update('m1', { urgency: '1' })])).toEqual(['m1']);
    queue.later(61_000);
    expect(await queue.deliver([update('m2', { urgency: '2' })])).toEqual(['m2']);
    queue.later(30_000);
    expect(await queue.deliver([update('m2', { urgency: '2' })])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '2' }]);
  });

  it('costs two calls for a hundred creates with keys, and one for a process', async () => {
    await start();
    const messages = Array.from({ length: 100 }, (_, index) => ({
      ...create(`m${index}`),
      key: `k${index}`,
    }));
    await queue.deliver([{ ...create('first'), key: 'first' }]);
    queue.state.forget();
    expect(await queue.deliver(messages)).toEqual([]);
    expect(queue.state.calls.map(({ operation }) => operation)).toEqual(['BatchGetItem', 'BatchGetItem']);
  });

  it('costs one call for creates without keys, as long as the process does not know their table', async () => {
    await start();
    const messages = (batch: string) => times(100).map((index) => create(`${batch}-${index}`));
    expect(await queue.deliver(messages('first'))).toEqual([]);
    expect(await queue.deliver(messages('second'))).toEqual([]);
    expect(queue.state.calls.map(({ operation }) => operation)).toEqual(['BatchGetItem']);
    expect(queue.requests()).toEqual(times(4).map(() => 'POST /api/now/v1/batch'));
  });

  it('is what updates and deletes wait for: without the state table nothing is written', async () => {
    const away = () => Promise.reject(new StateUnavailableError('away'));
    const unreachable = (): StateTable => ({
      read: away,
      readMany: away,
      writeMany: away,
      put: away,
      update: away,
      delete: away,
      query: away,
    });
    await start({ throughTable: unreachable });
    seed();
    const upsert = {
      id: 'm3',
      body: { action: 'upsert', table: 'incident', match: { correlation_id: 'x' }, record: {} },
    };
    const messages = [update('m1', { urgency: '1' }), remove('m2'), upsert, { ...create('m4'), key: 'k' }];
    expect(await queue.deliver(messages)).toEqual(['m1', 'm2', 'm3', 'm4']);
    expect(incidents()).toMatchObject([{ short_description: 'old', urgency: '3' }]);
    expect(queue.deadLetters).toEqual([]);
    expect([...queue.hidden.keys()]).toHaveLength(4);
  });
});

it('hides a message for no longer than SQS allows, counted from when it was received', async () => {
  const throttling = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    send: async ({ method, path }) => {
      throw new ThrottledError('limit', { method, path, retryAfterMs: 24 * 3_600_000 });
    },
  });
  await start({ through: throttling });
  await queue.deliver([create('m1')]);
  expect(queue.hidden.get('receipt-m1')).toBeLessThanOrEqual(43_200 - 390);
});
