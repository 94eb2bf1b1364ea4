import { describe, expect, it } from 'vitest';
import type { TestMessage } from './emulated-queue.ts';
import { create, incidents, losing, losingWrites, queue, start } from './writing.ts';

const aPerson = { userName: 'a.person', sysId: '0'.repeat(32) };
const copyId = 'c'.repeat(32);
const again = (message: TestMessage): TestMessage => ({ ...message, receiveCount: 2 });
const byCopy = () => incidents().filter(({ sys_id }) => sys_id === copyId);

/** A person copies a record in its form ("Insert and Stay"): all columns but the sys_id and the number. */
function copy(sysId: string): void {
  const { store } = queue.instance.state;
  const { sys_id: _id, number: _number, ...values } = store.find('incident', sysId) ?? {};
  queue.later(5_000);
  store.insert('incident', { ...values, sys_id: copyId, description: 'of a person' }, aPerson);
}

const environment = { CORRELATION_ID_TABLES: 'incident' };
const at = (minutesAgo: number) => new Date(Date.now() - minutesAgo * 60_000).toISOString();
const signal = (kind: string, minutesAgo: number): TestMessage => ({
  id: `m-${kind}-${minutesAgo}`,
  body: {
    ...{ action: 'signal', signal: kind, source: 'disk', key: 'web-01', eventId: `e${minutesAgo}` },
    at: at(minutesAgo),
    fields: { short_description: 'Disk full' },
    resolve: { state: '6', close_code: 'Solution provided', close_notes: 'Recovered' },
  },
});

describe('a record that a person has copied with all its columns', () => {
  it.each([{}, environment])(
    'is the one that signals are applied to, and its copy is not touched (%o)',
    async (given) => {
      await start({ environment: given });
      await queue.deliver([signal('open', 60)]);
      copy(String(incidents()[0]?.['sys_id']));
      const before = byCopy();
      await queue.deliver([signal('resolve', 30)]);
      expect(byCopy()).toEqual(before);
      expect(incidents().map(({ state }) => state)).toEqual(expect.arrayContaining(['1', '6']));
      expect(queue.deadLetters).toEqual([]);
    },
  );

  it.each([{}, environment])(
    'is known to its create, which makes no other one and leaves the copy alone (%o)',
    async (given) => {
      const through = losing(({ method, path }) => method === 'POST' && path.endsWith('/incident'));
      await start({ environment: given, through });
      const made = { ...create('m1'), key: 'k' };
      await queue.deliver([made]);
      copy(String(incidents()[0]?.['sys_id']));
      const before = byCopy();
      queue.restart();
      queue.later(180_000);
      for (const one of [again(made), { ...made, id: 'm2' }]) expect(await queue.deliver([one])).toEqual([]);
      expect(byCopy()).toEqual(before);
      expect(incidents()).toHaveLength(2);
      expect(queue.deadLetters).toEqual([]);
    },
  );

  it('does not come back once we deleted it, though its copy is there', async () => {
    const { switched, throughTable } = losingWrites((text) => text.includes('"applied"'));
    await start({ environment, throughTable });
    const made = { ...create('m1'), key: 'k' };
    expect(await queue.deliver([made])).toEqual(['m1']);
    switched.on = false;
    const sysId = String(incidents()[0]?.['sys_id']);
    copy(sysId);
    const before = byCopy();
    await queue.deliver([{ id: 'm2', body: { action: 'delete', table: 'incident', sysId } }]);
    queue.later(180_000);
    expect(await queue.deliver([again(made)])).toEqual([]);
    expect(incidents()).toEqual(before);
  });

  it.each([{}, environment])(
    'makes an upsert that matches both a dead letter, which changes neither (%o)',
    async (given) => {
      await start({ environment: given });
      const upsert = (id: string, record: object): TestMessage => ({
        id,
        body: { action: 'upsert', table: 'incident', match: { correlation_id: 'x' }, record },
      });
      await queue.deliver([upsert('m1', { urgency: '1' })]);
      copy(String(incidents()[0]?.['sys_id']));
      const before = incidents();
      await queue.deliver([upsert('m2', { urgency: '3' })]);
      expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage'])).toEqual([
        expect.stringContaining('finds more than one record'),
      ]);
      expect(incidents()).toEqual(before);
    },
  );

  it.each([{}, environment])(
    'is not doubled by an upsert whose answer was lost before it was copied (%o)',
    async (given) => {
      const through = losing(({ method, path }) => method === 'POST' && path.endsWith('/incident'));
      const { switched, throughTable } = losingWrites((text) => text.includes('"applied"'));
      await start({ environment: given, through, throughTable });
      const asked: TestMessage = {
        id: 'm1',
        body: {
          action: 'upsert',
          table: 'incident',
          match: { correlation_id: 'x' },
          record: { urgency: '1' },
        },
      };
      await queue.deliver([asked]);
      switched.on = false;
      copy(String(incidents()[0]?.['sys_id']));
      const before = incidents();
      queue.restart();
      queue.later(400_000);
      expect(await queue.deliver([again(asked)])).toEqual([]);
      expect(incidents()).toEqual(before);
      expect(queue.deadLetters).toEqual([]);
    },
  );
});
