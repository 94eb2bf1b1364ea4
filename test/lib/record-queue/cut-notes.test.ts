import { describe, expect, it } from 'vitest';
import type { Switches } from '../../../emulator/instance/switches.ts';
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
const startCutting = () => startChanging({ journalMaxCharacters: 12 });

async function startChanging(switches: Partial<Switches>) {
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
  await start({ instance: { switches }, through });
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

describe('a note with characters above U+FFFF, of which the instance keeps question marks', () => {
  const startReplacing = (more: Partial<Switches> = {}) =>
    startChanging({ supplementaryCharactersKept: false, ...more });

  it.each<[string, string, Partial<Switches>]>([
    ['Disk \u{1F525} full', 'Disk ???? full', {}],
    ['\u{1F525}\u{1F525}? Disk full', '????????? Disk full', {}],
    ['\u{1F525} Disk full on web-01', '???? Disk full', { journalMaxCharacters: 12 }],
    [`\u{1F525} ${'Disk full '.repeat(9)}`, `???? ${'Disk full '.repeat(3)}Di`, { journalMaxCharacters: 35 }],
  ])('is written once, however often its answer is lost: %s', async (text, stored, more) => {
    const { deliver, later } = await startReplacing(more);
    const asked = note('m1', text);
    await deliver(asked, 'lost');
    for (let round = 0; round < 3; round += 1) {
      later();
      expect(await deliver(again(asked), 'lost')).toEqual([]);
    }
    expect(notes()).toEqual([stored]);
    expect(queue.deadLetters).toEqual([]);
  });

  it.each([
    ['an emoji', '\u{1F4A7} Disk full'],
    ['question marks', '???? Disk full'],
  ])('is written by the repeat when its first copy never arrived, next to one with %s', async (_, other) => {
    const { deliver, later } = await startReplacing();
    await deliver(note('m1', other));
    const asked = note('m2', '\u{1F525} Disk full');
    expect(await deliver(asked, 'lost before the instance has got the update')).toEqual(['m2']);
    later();
    expect(await deliver(again(asked))).toEqual([]);
    expect(notes()).toEqual(['???? Disk full', '???? Disk full']);
  });

  it('is not taken for written because a person wrote the question marks', async () => {
    const { deliver, later } = await startReplacing();
    queue.instance.state.store.update('incident', sysId, { work_notes: 'Up ????' }, aPerson);
    const asked = note('m1', 'Up \u{1F525}');
    expect(await deliver(asked, 'lost before the instance has got the update')).toEqual(['m1']);
    later();
    expect(await deliver(again(asked))).toEqual([]);
    expect(notes()).toHaveLength(2);
  });

  it.each(['lost', 'lost before the instance has got the update'] as const)(
    'is distinguished by them where the instance keeps them: %s',
    async (how) => {
      const { deliver, later } = await startChanging({});
      await deliver(note('m1', 'Disk \u{1F4A7} full'));
      const asked = note('m2', 'Disk \u{1F525} full');
      await deliver(asked, how);
      later();
      expect(await deliver(again(asked))).toEqual([]);
      expect(notes().toSorted()).toEqual(['Disk \u{1F4A7} full', 'Disk \u{1F525} full'].toSorted());
    },
  );
});
