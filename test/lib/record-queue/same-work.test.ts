import { expect, it } from 'vitest';
import { earlierDigestOfWork } from '../../../lib/operations/work-digest.ts';
import { readCommand } from '../../../lib/record-queue/message.ts';
import { digestOfCommand, isOtherWork } from '../../../lib/record-queue/writes/work-digest.ts';
import type { TestMessage } from './emulated-queue.ts';
import { journal, queue, start } from './writing.ts';

const aPerson = { userName: 'a.person', sysId: '0'.repeat(32) };
const sysId = 'a'.repeat(32);
const plain = { action: 'update', table: 'incident', key: 'k', sysId, record: { work_notes: 'Disk full' } };
const spellings = {
  'names its instance': { ...plain, instance: 'default' },
  'writes the table otherwise': { ...plain, table: 'Incident' },
  'writes the sys_id otherwise': { ...plain, sysId: sysId.toUpperCase() },
  'gives no option': { ...plain, options: {} },
  'gives an option its default': { ...plain, options: { inputDisplayValue: false } },
};

it.each(Object.entries(spellings))(
  'is the same work under a key where one message %s',
  async (_how, spelt) => {
    await start();
    const { store } = queue.instance.state;
    store.insert('incident', { sys_id: sysId }, aPerson);
    expect(await queue.deliver([{ id: 'a', body: plain }])).toEqual([]);
    const again: TestMessage = { id: 'b', body: spelt };
    expect(await queue.deliver([again])).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
    expect(journal(sysId)).toHaveLength(1);
  },
);

it('is other work under a key where what is written differs', async () => {
  await start();
  queue.instance.state.store.insert('incident', { sys_id: sysId }, aPerson);
  await queue.deliver([{ id: 'a', body: plain }]);
  await queue.deliver([{ id: 'b', body: { ...plain, options: { inputDisplayValue: true } } }]);
  expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'KEY_REUSED' } }]);
});

it('is known to be the same by what releases before remembered, however it was spelt', async () => {
  await start();
  for (const spelt of Object.values(spellings)) {
    const message = {
      ...{ messageId: 'm', receiptHandle: '', body: JSON.stringify(spelt), receiveCount: 1, sentAtMs: 1 },
      ...{ firstReceivedAtMs: 1, groupId: undefined, attributes: {}, isFifo: false },
    };
    const { key: _key, ...work } = spelt;
    const command = readCommand(message);
    const effect = {
      state: 'applied',
      write: 'update',
      isUpsert: false,
      sysId,
      sentAtMs: 1,
      untilMs: 1,
    } as const;
    for (const digest of [earlierDigestOfWork(work), digestOfCommand(command)])
      expect(isOtherWork({ ...effect, digest }, command)).toBe(false);
  }
});
