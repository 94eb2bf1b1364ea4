import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import type { StateItem } from '../../../lib/aws/state-table.ts';
import { recallReasons } from '../../../lib/record-queue/dead-letter.ts';
import { startQueue, type TestMessage } from './emulated-queue.ts';

const row = z.record(z.string(), z.string());
const message = z.custom<TestMessage>((one) => typeof one === 'object');

/**
 * What the code before the commit 844274a left: its items of the state table, the records of the instance, and its messages, of which
 * the last two were still under way when it was replaced. Their answers had been lost.
 */
const earlier = z
  .object({
    writtenAt: z.string(),
    items: z.array(z.custom<StateItem>((item) => typeof item === 'object')),
    rows: z.record(z.string(), z.array(row)),
    messages: z.array(message),
    letters: z.array(z.object({ body: z.string() })),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, 'earlier-state.json'), 'utf8')));

async function upgrade() {
  const clock = { now: () => Date.parse(earlier.writtenAt) + 600_000, sleep: async () => {} };
  const queue = await startQueue({
    clock,
    environment: { CORRELATION_ID_TABLES: 'problem' },
    instance: { demoData: false, clock: { now: clock.now } },
  });
  onTestFinished(() => queue.close());
  const { store } = queue.instance.state;
  for (const [table, rows] of Object.entries(earlier.rows)) for (const one of rows) store.seed(table, one);
  for (const item of earlier.items) await queue.state.table.put(item);
  const deliverAll = () => queue.deliver(earlier.messages.map((one) => ({ ...one, receiveCount: 2 })));
  const held = () =>
    Object.fromEntries(Object.keys(earlier.rows).map((table) => [table, store.select(table)]));
  return { queue, store, deliverAll, held };
}

it('does nothing twice that earlier code did, and brings to its end what was under way', async () => {
  const { queue, deliverAll, held } = await upgrade();
  const before = held();
  for (let n = 0; n < 2; n++) expect(await deliverAll()).toEqual([]);
  expect(held()).toEqual(before);
  expect(queue.deadLetters).toEqual([]);
});

it('reverts nothing that people have done since', async () => {
  const { queue, store, deliverAll } = await upgrade();
  const changed = ['a', 'd', 'e'].map((letter) => letter.repeat(32));
  for (const sysId of changed)
    store.update('incident', sysId, { urgency: '3' }, { userName: 'a.person', sysId: '0'.repeat(32) });
  const [known] = store
    .select('problem')
    .filter(({ correlation_id }) => correlation_id?.endsWith(':correlated'));
  store.remove('problem', String(known?.['sys_id']));
  expect(await deliverAll()).toEqual([]);
  const urgencies = store
    .select('incident')
    .flatMap(({ sys_id, urgency }) => (changed.includes(String(sys_id)) ? [urgency] : []));
  expect(urgencies).toEqual(['3', '3', '3']);
  expect(store.select('problem').map(({ short_description }) => short_description)).toEqual([
    'its answer was lost',
  ]);
  expect(queue.deadLetters).toEqual([]);
});

it('still reports a key of earlier code that is used again for other work', async () => {
  const { queue } = await upgrade();
  const [first] = earlier.messages;
  const body = { action: 'update', table: 'incident', sysId: 'a'.repeat(32), record: { urgency: '2' } };
  await queue.deliver([{ ...first, id: 'other', body }]);
  expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorCode'])).toEqual(['KEY_REUSED']);
});

it('knows why a message of earlier code became a dead letter that had no room to say so', async () => {
  const { queue } = await upgrade();
  const reasons = await recallReasons(
    earlier.letters[0]?.body ?? '',
    queue.state.table,
    'servicenow-functions/dev',
  );
  expect(reasons).toEqual([{ key: 'm-letter', code: 'INVALID_INPUT' }]);
});
