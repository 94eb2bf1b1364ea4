import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import type { StateItem } from '../../../lib/aws/state-table.ts';
import { startQueue, type TestMessage } from './emulated-queue.ts';

/**
 * What the code of the commit effc04c left: effects in the items of records, columns with the time at which they were asked for, starts of
 * notes. It knew neither sequences of a FIFO queue nor repeats of a create. The answers of the last five messages had been lost, or
 * they had waited for that.
 */
const earlier = z
  .object({
    writtenAt: z.string(),
    items: z.array(z.custom<StateItem>((item) => typeof item === 'object')),
    rows: z.record(z.string(), z.array(z.record(z.string(), z.string()))),
    messages: z.array(z.custom<TestMessage>((one) => typeof one === 'object')),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, 'earlier-state-2.json'), 'utf8')));

async function upgrade() {
  let nowMs = Date.parse(earlier.writtenAt) + 600_000;
  const clock = { now: () => nowMs, sleep: async () => {} };
  const queue = await startQueue({
    clock,
    environment: { CORRELATION_ID_TABLES: 'problem' },
    instance: { demoData: false, clock: { now: clock.now } },
  });
  onTestFinished(() => queue.close());
  const { store } = queue.instance.state;
  for (const [table, rows] of Object.entries(earlier.rows)) for (const one of rows) store.seed(table, one);
  for (const item of earlier.items) await queue.state.table.put(item);
  const deliver = (messages: readonly TestMessage[]) =>
    queue.deliver(messages.map((one) => ({ ...one, receiveCount: 2 })));
  /** Delivers what is not done again later, as SQS does. */
  const deliverAll = async () => {
    let left = earlier.messages;
    for (let n = 0; n < 3 && left.length > 0; n++) {
      const ids = await deliver(left);
      left = left.filter(({ id }) => ids.includes(id));
      nowMs += 600_000;
    }
    return left.map(({ id }) => id);
  };
  return { queue, store, deliver, deliverAll };
}

it('loses nothing and does nothing twice', async () => {
  const { queue, store, deliverAll } = await upgrade();
  const texts = () => ({
    incident: store
      .select('incident')
      .map((one) => `${one['short_description']} ${one['urgency']}`)
      .sort(),
    problem: store
      .select('problem')
      .map((one) => one['short_description'])
      .sort(),
    notes: store
      .select('sys_journal_field')
      .map(({ value }) => value)
      .sort(),
  });
  const expected = {
    incident: ['a 1', 'd 1', 'e 2', 'lost create 3', 'lost update 1', 'lost upsert 3', 'made 3', 'order 7 3'],
    problem: ['known by its correlation_id', 'lost correlated'],
    notes: ['lost note', 'said once'],
  };
  expect(await deliverAll()).toEqual([]);
  expect(texts()).toEqual(expected);
  expect(await deliverAll()).toEqual([]);
  expect(texts()).toEqual(expected);
  expect(queue.deadLetters).toEqual([]);
});

it('reverts nothing that people have done since, and brings back no record that was deleted', async () => {
  const { queue, store, deliverAll } = await upgrade();
  const person = { userName: 'a.person', sysId: '0'.repeat(32) };
  for (const letter of ['a', 'd']) store.update('incident', letter.repeat(32), { urgency: '3' }, person);
  const known = ['made', 'order 7'].map(
    (text) =>
      store.select('incident').find(({ short_description }) => short_description === text)?.['sys_id'],
  );
  const deletes = known.map((sysId, n) => ({
    id: `delete-${n}`,
    key: `delete-${n}`,
    body: { action: 'delete', table: 'incident', sysId },
  }));
  expect(await queue.deliver(deletes)).toEqual([]);
  expect(await deliverAll()).toEqual([]);
  const incidents = store.select('incident');
  const urgencyOf = (letter: string) =>
    incidents.find(({ sys_id }) => sys_id === letter.repeat(32))?.['urgency'];
  expect([urgencyOf('a'), urgencyOf('d'), urgencyOf('c')]).toEqual(['3', '3', undefined]);
  expect(incidents.filter(({ sys_id }) => known.includes(String(sys_id)))).toEqual([]);
  expect(queue.deadLetters).toEqual([]);
});

it('orders an update after those that were asked for without a sequence', async () => {
  const { store, deliver, deliverAll } = await upgrade();
  const sentAtMs = Date.parse(earlier.writtenAt) + 1_000;
  const body = { action: 'update', table: 'incident', sysId: 'b'.repeat(32), record: { urgency: '2' } };
  const newer = { id: 'newer', key: 'newer', sentAtMs, sequence: '18870000000000000001', body };
  expect(await deliver([newer])).toEqual([]);
  expect(await deliverAll()).toEqual([]);
  const [record] = store.select('incident').filter(({ sys_id }) => sys_id === 'b'.repeat(32));
  expect([record?.['urgency'], record?.['short_description']]).toEqual(['2', 'lost update']);
});
