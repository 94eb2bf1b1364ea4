import { describe, expect, it } from 'vitest';
import { deriveSysId } from '../../../lib/operations/identity.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';
import type { TestMessage } from './emulated-queue.ts';
import { create, deployment, journal, queue, start } from './writing.ts';

const sysId = 'f'.repeat(32);
const note = (id: string, work_notes: string, record = sysId): TestMessage => ({
  id,
  body: { action: 'update', table: 'incident', sysId: record, record: { work_notes } },
});
const again = (message: TestMessage): TestMessage => ({ ...message, receiveCount: 2 });
const notes = (record = sysId) => journal(record).map(({ value }) => value);
const aPerson = { userName: 'a.person', sysId: '0'.repeat(32) };

/** A journal that keeps a dozen characters of each note, and a client whose answers to updates get lost as the test says. */
async function startCutting() {
  const answers = { are: 'there' as 'there' | 'lost' | 'lost before the instance has got the update' };
  const through = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      const { method, path } = request;
      if (method !== 'PATCH' || answers.are === 'there') return client.send(request, context);
      if (answers.are === 'lost') await client.send(request, context);
      throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
    },
  });
  await start({ instance: { switches: { journalMaxCharacters: 12 } }, through });
  queue.instance.state.store.seed('incident', { sys_id: sysId });
  const deliver = async (message: TestMessage, how: typeof answers.are = 'there') => {
    answers.are = how;
    const left = await queue.deliver([message]);
    answers.are = 'there';
    return left;
  };
  const later = () => {
    queue.restart();
    queue.later(180_000);
  };
  return { deliver, later };
}

describe('a note of which its column keeps a few characters', () => {
  it('is written once, however often its answer is lost', async () => {
    const { deliver, later } = await startCutting();
    const asked = note('m1', 'Disk full on web-01');
    await deliver(asked, 'lost');
    for (let round = 0; round < 3; round += 1) {
      later();
      expect(await deliver(again(asked), 'lost')).toEqual([]);
    }
    expect(notes()).toEqual(['Disk full on']);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is written by the repeat when its first copy never arrived, though other notes begin alike', async () => {
    const { deliver, later } = await startCutting();
    await deliver(note('m1', 'Disk full on web-01'));
    queue.instance.state.store.update('incident', sysId, { work_notes: 'Disk full' }, aPerson);
    const asked = note('m2', 'Disk full on web-02');
    expect(await deliver(asked, 'lost before the instance has got the update')).toEqual(['m2']);
    later();
    expect(await deliver(again(asked))).toEqual([]);
    expect(notes().toSorted()).toEqual(['Disk full', 'Disk full on', 'Disk full on']);
  });

  it('is not taken for written by the note that its record was made with', async () => {
    const { deliver, later } = await startCutting();
    const made = create('m1', { work_notes: 'Disk full on web-01' });
    await queue.deliver([{ ...made, key: 'k' }]);
    const record = deriveSysId(deployment, 'incident', 'k');
    const asked = note('m2', 'Disk full on web-02', record);
    expect(await deliver(asked, 'lost before the instance has got the update')).toEqual(['m2']);
    later();
    expect(await deliver(again(asked))).toEqual([]);
    expect(notes(record)).toHaveLength(2);
  });

  it('is written once next to another one that begins alike, whose answer is lost too', async () => {
    const { deliver, later } = await startCutting();
    const asked = [note('m1', 'Disk full on web-01'), note('m2', 'Disk full on web-02')];
    for (const one of asked) {
      await deliver(one, 'lost');
      later();
    }
    for (const one of asked) expect(await deliver(again(one))).toEqual([]);
    expect(notes()).toHaveLength(2);
  });
});
