import { describe, expect, it } from 'vitest';
import { deriveEpisodeSysId } from '../../../lib/operations/identity.ts';
import { parseMark } from '../../../lib/record-queue/life-cycle/mark.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import type { TestMessage } from './emulated-queue.ts';
import { deployment, holding, incidents, journal, losing, losingWrites, queue, start } from './writing.ts';

let sent = 0;
/** A signal about one disk, at a time from a start, in seconds. */
function signal(kind: string, atSeconds: number, more: object = {}, id = `e${atSeconds}`): TestMessage {
  sent += 1;
  const body = {
    ...{ action: 'signal', signal: kind, source: 'disk', key: 'web-01', eventId: id },
    at: new Date(startMs + atSeconds * 1000).toISOString(),
    ...{
      fields: { short_description: 'Disk full', impact: '2', urgency: '2' },
      note: `${kind} ${atSeconds}`,
    },
    resolve: { state: '6', close_code: 'Solution provided', close_notes: 'Recovered' },
    reopen: { within: 'PT4H', state: '2', atMost: 3 },
    ...more,
  };
  return { id: `m${sent}`, group: 'g', body };
}
/** Longer ago than a test takes, so that no state lies in the future. */
const startMs = Date.now() - 86_400_000;
const sysId = (episode: number) =>
  deriveEpisodeSysId(deployment, 'incident', { source: 'disk', key: 'web-01' }, episode);
const row = (episode: number) => incidents().find(({ sys_id }) => sys_id === sysId(episode));
const notes = (episode: number) => journal(sysId(episode)).map(({ value }) => value);
const deliver = (...messages: readonly TestMessage[]) => queue.deliver(messages);
const aPerson = { userName: 'a.person', sysId: '0'.repeat(32) };
/** A person changes a record, as the platform does. */
function person(episode: number, changes: Record<string, string>) {
  queue.instance.state.store.update('incident', sysId(episode), changes, aPerson);
  queue.later(60_000);
}
const states = () =>
  incidents()
    .map(({ state }) => state)
    .toSorted();

describe('a signal', () => {
  it('brings no record back that was deleted after a copy of it had made it and died', async () => {
    const { switched, throughTable } = losingWrites((text) => text.includes('"applied"'));
    await start({ throughTable });
    const opening = { ...signal('open', 0), sentAtMs: Date.now() };
    expect(await deliver(opening)).toEqual([opening.id]);
    expect(incidents()).toHaveLength(1);
    switched.on = false;
    queue.restart();
    queue.later(1_000);
    const remove = { action: 'delete', table: 'incident', sysId: sysId(1) };
    expect(await deliver({ id: 'd', group: 'h', body: remove })).toEqual([]);
    expect(await deliver({ ...opening, receiveCount: 2 })).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(await deliver({ ...signal('open', 60), receiveCount: 2, sentAtMs: Date.now() + 5_000 })).toEqual(
      [],
    );
    expect(incidents()).toHaveLength(1);
  });

  it('that waited makes a record, though one from before it was deleted meanwhile', async () => {
    await start();
    await deliver(signal('open', 0));
    const waiting = { ...signal('open', 60), sentAtMs: Date.now() + 3_600_000, receiveCount: 2 };
    queue.later(7_200_000);
    const remove = { action: 'delete', table: 'incident', sysId: sysId(1) };
    expect(await deliver({ id: 'd', group: 'h', body: remove })).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(await deliver(waiting)).toEqual([]);
    expect(incidents()).toHaveLength(1);
  });

  it('opens a record, resolves it, and opens it again in place of a new one', async () => {
    await start();
    expect(await deliver(signal('open', 0))).toEqual([]);
    expect(row(1)).toMatchObject({ short_description: 'Disk full', state: '1', correlation_id: 'web-01' });
    expect(parseMark(String(row(1)?.['correlation_display']))).toMatchObject({ source: 'disk', episode: 1 });
    await deliver(signal('resolve', 60));
    expect(row(1)).toMatchObject({ state: '6', close_notes: 'Recovered' });
    await deliver(signal('open', 120));
    expect(row(1)).toMatchObject({ state: '2', reopen_count: '1' });
    expect(notes(1).toSorted()).toEqual(['open 0', 'open 120', 'resolve 60']);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is decided on by the record itself, where lists show it as it was some moments ago', async () => {
    await start({ instance: { switches: { lookupLagMs: 600_000 } } });
    const closed = { state: '7', close_code: 'Solution provided', close_notes: 'x' };
    for (const [episode, at] of [0, 600, 1_200].entries()) {
      await deliver(signal('open', at));
      if (episode < 2) person(episode + 1, { ...closed, closed_at: '2020-01-01 00:00:00' });
    }
    for (const episode of [1, 2, 3]) expect(row(episode), `record ${episode}`).toBeDefined();
    await deliver(signal('resolve', 1_260));
    await deliver(signal('open', 1_320));
    await deliver(signal('open', 1_320));
    expect(row(3)).toMatchObject({ state: '2', reopen_count: '1' });
    expect(notes(3).toSorted()).toHaveLength(3);
    await deliver(signal('resolve', 1_380));
    expect(row(3)).toMatchObject({ state: '6' });
  });

  it('is reported once it was carried out, with its verdict and no content', async () => {
    await start();
    const open = signal('open', 60);
    await deliver(open);
    await deliver(open, signal('resolve', 0));
    const about = { type: 'Signal Applied', table: 'incident', key: 'web-01' };
    expect(queue.reported).toEqual([
      { ...about, messageId: open.id, signal: 'open', verdict: 'done' },
      { ...about, messageId: open.id, signal: 'open', verdict: 'duplicate' },
      { ...about, messageId: expect.any(String), signal: 'resolve', verdict: 'stale' },
    ]);
  });

  it('opens nothing for a state from before a person ended the record, however it was resolved before', async () => {
    await start();
    await deliver(signal('open', 0), signal('resolve', 60));
    queue.later(3_600_000);
    person(1, { state: '2' });
    person(1, { state: '6', close_code: 'Solution provided', close_notes: 'by hand' });
    const endedAtMs = Date.parse(`${row(1)?.['resolved_at']?.replace(' ', 'T')}Z`);
    const late = signal('open', (endedAtMs - startMs) / 1_000 - 60);
    await deliver(late);
    expect(row(1)).toMatchObject({ state: '6' });
    expect(queue.reported.at(-1)).toMatchObject({ messageId: late.id, verdict: 'stale' });
    queue.later(120_000);
    await deliver(signal('open', (endedAtMs - startMs) / 1_000 + 60));
    expect(row(1)).toMatchObject({ state: '2' });
  });

  it('takes no change of a resolved record for its end, where no column says when that was', async () => {
    await start();
    await deliver(signal('open', 0), signal('resolve', 60));
    queue.later(3_600_000);
    person(1, { resolved_at: '', description: 'seen' });
    expect(row(1)).toMatchObject({ state: '6', resolved_at: '' });
    await deliver(signal('open', 86_400 + 3_000));
    expect(states()).toEqual(['1', '6']);
  });

  it('opens a record again within the time since a person ended it, not since a signal did', async () => {
    await start();
    await deliver(signal('open', 0), signal('resolve', 60));
    queue.later(5 * 3_600_000);
    person(1, { state: '2' });
    person(1, { state: '6', close_code: 'Solution provided', close_notes: 'by hand' });
    const endedAtMs = Date.parse(`${row(1)?.['resolved_at']?.replace(' ', 'T')}Z`);
    queue.later(3_600_000);
    await deliver(signal('open', (endedAtMs - startMs) / 1_000 + 1_800));
    expect(states()).toEqual(['2']);
  });

  it('opens a new record once a person has closed the old one, and names it', async () => {
    await start();
    await deliver(signal('open', 0));
    person(1, { state: '7', close_code: 'Solution provided', close_notes: 'x' });
    await deliver(signal('open', 86_400 * 2, {}, 'later'));
    // The state lies in the future for the queue, so that the time of the message counts.
    expect(states()).toEqual(['1', '7']);
    expect(notes(2)).toEqual([expect.stringContaining(`Follows ${row(1)?.['number']}, which was closed.`)]);
  });

  it('has one effect when it is delivered again, sent twice, or late', async () => {
    await start();
    const first = signal('open', 0);
    await deliver(first);
    await deliver(first);
    await deliver(signal('open', 0, {}, 'e0'));
    await deliver(signal('open', 100));
    await deliver(signal('resolve', 50));
    expect(notes(1).toSorted()).toEqual(['open 0', 'open 100']);
    expect(row(1)).toMatchObject({ state: '1' });
  });

  it('applies two different changes of one second', async () => {
    await start();
    await deliver(signal('open', 0, {}, 'a'), signal('resolve', 0, {}, 'b'));
    expect(row(1)).toMatchObject({ state: '6' });
    expect(await deliver(signal('open', 0, {}, 'a'))).toEqual([]);
    expect(row(1)).toMatchObject({ state: '6' });
  });

  it.each(['update', 'open'])('%s that is older than an update overwrites nothing', async (kind) => {
    await start();
    const severity = (value: string) => ({ update: ['severity'], fields: { severity: value } });
    await deliver(signal('open', 0), signal('update', 300, severity('1')));
    await deliver(signal(kind, 120, severity('3')));
    expect(row(1)).toMatchObject({ severity: '1' });
    expect(queue.reported.at(-1)).toMatchObject({ verdict: 'stale' });
    await deliver(signal(kind, 301, severity('2')));
    expect(row(1)).toMatchObject({ severity: '2' });
  });

  it.each(['note', 'update'])('%s moves no state that is resolved', async (kind) => {
    await start();
    await deliver(signal('open', 0), signal('note', 600), signal('resolve', 300));
    expect(row(1)).toMatchObject({ state: '6' });
    await deliver(signal(kind, 900, { note: { text: 'late', onResolved: true } }));
    // The time to reopen it counts from the recovery, not from the note.
    await deliver(signal('open', 300 + 4 * 3_600 + 1));
    expect(states()).toEqual(['1', '6']);
  });

  it('that says what the last state said is no note, until there was a recovery', async () => {
    await start();
    const says = (kind: string, at: number, note = 'FAILED') => signal(kind, at, { note });
    await deliver(says('open', 0), says('open', 60), says('update', 120));
    expect(notes(1)).toEqual(['FAILED']);
    // A later time was applied all the same.
    await deliver(says('resolve', 90));
    expect(states()).toEqual(['1']);
    await deliver(says('open', 180, 'WARNING'), says('note', 185, 'WARNING'), says('open', 190, 'FAILED'));
    expect(notes(1).toSorted()).toEqual(['FAILED', 'FAILED', 'WARNING', 'WARNING']);
    await deliver(says('resolve', 200, 'PASSED'), says('open', 210), says('open', 220));
    expect(states()).toEqual(['2']);
    expect(notes(1).toSorted()).toEqual(['FAILED', 'FAILED', 'FAILED', 'PASSED', 'WARNING', 'WARNING']);
  });

  it('that says again what is broken is a note once a recovery of it was held back', async () => {
    await start();
    const once = { note: 'FAILED', reopen: { within: 'PT4H', state: '2', atMost: 0 } };
    await deliver(signal('open', 0, once), signal('resolve', 60, { ...once, note: 'PASSED' }));
    await deliver(signal('open', 120, once), signal('open', 180, once));
    expect(notes(1).toSorted()).toEqual(['FAILED', 'FAILED', expect.stringContaining('PASSED')]);
  });

  it('writes its columns again, though its note says the same', async () => {
    await start();
    const more = { note: 'FAILED', update: ['impact'] };
    await deliver(signal('open', 0, more));
    await deliver(signal('open', 60, { ...more, fields: { impact: '1' } }));
    expect(row(1)).toMatchObject({ impact: '1' });
    expect(notes(1)).toEqual(['FAILED']);
  });

  it('of one message is applied once, though its pages are more than the mark holds', async () => {
    await start();
    const pages = [...Array(12).keys()].map((page) =>
      signal('open', 0, { note: `page ${page}` }, `p${page}`),
    );
    await deliver(...pages);
    queue.later(86_400_000);
    await deliver(...pages.map((page) => ({ ...page, id: `again ${page.id}` })));
    expect(notes(1)).toHaveLength(12);
  });

  it('ignores what has no record', async () => {
    await start();
    await deliver(signal('resolve', 0), signal('note', 1), signal('update', 2));
    expect(incidents()).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('makes a note of a recovery once a person has the record', async () => {
    await start();
    const resolve = { state: '6', close_code: 'x', close_notes: 'x', unless: 'assigned' };
    await deliver(signal('open', 0));
    person(1, { assigned_to: 'someone' });
    await deliver(signal('resolve', 60, { resolve }));
    expect(row(1)).toMatchObject({ state: '1' });
    expect(notes(1)).toHaveLength(2);
  });

  it('stays open once it was reopened too often, until it has been quiet', async () => {
    await start();
    const reopen = { within: 'PT1H', state: '2', atMost: 1 };
    for (const at of [0, 120, 240])
      await deliver(signal('open', at, { reopen }), signal('resolve', at + 60, { reopen }));
    expect(row(1)).toMatchObject({ state: '2', reopen_count: '1' });
    expect(notes(1).join()).toContain('was reopened 1 times');
    const asked = (hours: number) => new Date(startMs + 300_000 + hours * 3_600_000).toISOString();
    await deliver(signal('resolve', 300, { reopen, confirmed: asked(0.5) }, 'r1'));
    expect(row(1)).toMatchObject({ state: '2' });
    await deliver(signal('resolve', 300, { reopen, confirmed: asked(1) }, 'r1'));
    expect(row(1)).toMatchObject({ state: '6' });
    expect(incidents()).toHaveLength(1);
  });

  it('resolves a record that was reopened too often by a second recovery after a quiet time', async () => {
    await start();
    const reopen = { within: 'PT1H', state: '2', atMost: 0 };
    await deliver(signal('open', 0), signal('resolve', 60, { reopen }), signal('resolve', 3_600, { reopen }));
    expect(row(1)).toMatchObject({ state: '1' });
    await deliver(signal('open', 3_700), signal('resolve', 7_300, { reopen }));
    expect(row(1)).toMatchObject({ state: '1' });
    await deliver(signal('resolve', 10_900, { reopen }));
    expect(row(1)).toMatchObject({ state: '6' });
  });

  it('of one time says more, where the recovery before it was held back', async () => {
    await start();
    const resolve = {};
    await deliver(signal('open', 0), signal('resolve', 60, { resolve, note: 'page 1' }, 'p1'));
    await deliver(signal('resolve', 60, { resolve, note: 'page 2' }, 'p2'));
    await deliver(signal('resolve', 60, { resolve, note: 'page 2' }, 'p2'));
    expect(
      notes(1)
        .map((one) => one?.split('\n')[0])
        .toSorted(),
    ).toEqual(['open 0', 'page 1', 'page 2']);
  });

  it('of one recovery has one effect, whether the source or the reconciler reports it first', async () => {
    await start();
    const confirmed = new Date(startMs + 120_000).toISOString();
    await deliver(signal('open', 0), signal('resolve', 60, { confirmed }, 'reconciled e60'));
    person(1, { state: '2' });
    await deliver(signal('resolve', 60), signal('resolve', 60, { confirmed }, 'reconciled again'));
    expect(row(1)).toMatchObject({ state: '2' });
    expect(notes(1)).toHaveLength(2);
    await deliver(signal('open', 120), signal('resolve', 180));
    expect(row(1)).toMatchObject({ state: '6' });
  });

  it('of one recovery that is held back is one note', async () => {
    await start();
    const reopen = { within: 'PT1H', state: '2', atMost: 0 };
    const confirmed = new Date(startMs + 120_000).toISOString();
    await deliver(signal('open', 0), signal('resolve', 60, { reopen, confirmed }, 'reconciled e60'));
    await deliver(signal('resolve', 60, { reopen }));
    expect(row(1)).toMatchObject({ state: '1' });
    expect(notes(1)).toHaveLength(2);
  });

  it('writes only the columns that it is to write again', async () => {
    await start();
    await deliver(signal('open', 0));
    person(1, { short_description: 'Mine', impact: '1' });
    await deliver(
      signal('update', 60, { update: ['impact'], fields: { impact: '3', short_description: 'x' } }),
    );
    expect(row(1)).toMatchObject({ short_description: 'Mine', impact: '3' });
  });

  it('does not touch a resolved record with an update, unless its note is wanted there', async () => {
    await start();
    await deliver(signal('open', 0), signal('resolve', 60), signal('update', 120));
    expect(notes(1)).toHaveLength(2);
    await deliver(signal('note', 180, { note: { text: 'wanted', onResolved: true } }));
    expect(notes(1)).toHaveLength(3);
    expect(row(1)).toMatchObject({ state: '6' });
  });

  it('finds the last record over deleted ones', async () => {
    await start();
    for (const episode of [1, 2, 3, 4, 5]) {
      await deliver(signal('open', episode * 100));
      if (episode < 5)
        person(episode, {
          state: '8',
          closed_at: '2020-01-01 00:00:00',
        });
    }
    expect(incidents()).toHaveLength(5);
    for (const episode of [1, 3, 4]) queue.instance.state.store.remove('incident', sysId(episode));
    queue.restart();
    await deliver(signal('resolve', 600));
    expect(states()).toEqual(['6', '8']);
    queue.instance.state.store.remove('incident', sysId(5));
    await deliver(signal('open', 700));
    expect(row(3)).toMatchObject({ state: '1' });
    expect(incidents()).toHaveLength(2);
  });

  it('opens a new record when the instance does not let the old one be reopened', async () => {
    await start();
    await deliver(signal('open', 0), signal('resolve', 60));
    queue.instance.state.store.rules.add({
      table: 'incident',
      on: ['update'],
      action: 'abort',
      when: { state: ['2'] },
    });
    expect(await deliver(signal('open', 120))).toEqual([]);
    expect(states()).toEqual(['1', '6']);
    expect(queue.deadLetters).toEqual([]);
  });

  it('opens a new record when a rule keeps the old one resolved without a refusal', async () => {
    await start();
    await deliver(signal('open', 0), signal('resolve', 60));
    queue.instance.control.rules.add({
      ...{ table: 'incident', on: ['update'], action: 'set' },
      ...{ when: { sys_id: [sysId(1)], state: ['2'] }, set: { state: '6' } },
    });
    queue.requests();
    expect(await deliver(signal('open', 120))).toEqual([]);
    expect(states()).toEqual(['1', '6']);
    expect(queue.requests().filter((request) => request.startsWith('PATCH'))).toHaveLength(1);
    await deliver(signal('resolve', 180));
    expect(states()).toEqual(['6', '6']);
    expect(queue.deadLetters).toEqual([]);
  });

  it.each([
    ['', undefined],
    [', also where the answer is lost', losing(({ method }) => method === 'PATCH')],
  ])('is a dead letter when a rule keeps the record open without a refusal%s', async (_how, through) => {
    await start(through && { through });
    await deliver(signal('open', 0));
    queue.instance.control.rules.add({
      ...{ table: 'incident', on: ['update'], action: 'set' },
      ...{ when: { state: ['6'] }, set: { state: '1' } },
    });
    const recovery = signal('resolve', 60);
    expect(await deliver(recovery)).toEqual([]);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'RESOLVE_REFUSED' } }]);
    expect(queue.deadLetters[0]?.attributes['ErrorMessage']).toMatch(/^resolve\.state: /);
    expect(row(1)).toMatchObject({ state: '1' });
    // Moved back, it says so again, and writes no second note.
    queue.later(3_600_000);
    expect(await deliver(recovery)).toEqual([]);
    expect(queue.deadLetters).toHaveLength(2);
    expect(notes(1)).toHaveLength(2);
    queue.instance.control.rules.clear();
    person(1, { state: '6', close_code: 'Solution provided', close_notes: 'by hand' });
    expect(await deliver(recovery)).toEqual([]);
    expect(queue.deadLetters).toHaveLength(2);
  });

  it('of the reconciler is one dead letter a day while the instance refuses to resolve the record', async () => {
    await start();
    await deliver(signal('open', 0));
    const asked = (minutes: number) => {
      const confirmed = new Date(startMs + minutes * 60_000).toISOString();
      return signal('resolve', 60, { resolve: { state: '6' }, confirmed }, `asked ${minutes}`);
    };
    const first = asked(15);
    await deliver(first);
    await deliver(asked(30));
    await deliver(asked(45));
    expect(queue.deadLetters).toHaveLength(1);
    expect(queue.reported.at(-1)).toMatchObject({ verdict: 'ignored' });
    await deliver(first);
    expect(queue.deadLetters).toHaveLength(2);
    queue.later(86_400_000);
    await deliver(asked(60));
    expect(queue.deadLetters).toHaveLength(3);
    // What the source itself says is always tried.
    await deliver(signal('resolve', 60));
    expect(row(1)).toMatchObject({ state: '6' });
  });

  it('of the reconciler is one dead letter while a rule keeps the record open', async () => {
    await start();
    await deliver(signal('open', 0));
    queue.instance.control.rules.add({
      ...{ table: 'incident', on: ['update'], action: 'set' },
      ...{ when: { state: ['6'] }, set: { state: '1' } },
    });
    for (const at of [60, 120, 180]) {
      const confirmed = new Date(startMs + at * 1_000).toISOString();
      await deliver(signal('resolve', at, { confirmed }, `asked ${at}`));
    }
    expect(queue.deadLetters).toHaveLength(1);
  });

  it('says which columns a data policy wants when it refuses to resolve', async () => {
    await start();
    await deliver(signal('open', 0));
    await deliver(signal('resolve', 60, { resolve: { state: '6' } }));
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'DATA_POLICY' } }]);
    expect(queue.deadLetters[0]?.attributes['ErrorMessage']).toMatch(/^resolve: .*Resolution code/);
    expect(row(1)).toMatchObject({ state: '1' });
  });

  it.each(['k'.repeat(512), 'a^b^NQsys_id!=x', 'a\nb', '🔥 disk', 'javascript:gs.x()', 'O\'Neill, \\ "x"'])(
    'goes its whole way with the key %j',
    async (key) => {
      await start();
      for (const [at, kind] of ['open', 'resolve', 'open'].entries())
        expect(await deliver(signal(kind, at * 60, { key }))).toEqual([]);
      expect(incidents()).toMatchObject([{ state: '2' }]);
      expect(String(incidents()[0]?.['correlation_id']).length).toBeLessThanOrEqual(100);
      expect(queue.deadLetters).toEqual([]);
    },
  );

  it.each([
    ['target', { target: 'cmdb_ci' }],
    ['fields.sys_id', { fields: { sys_id: 'x' } }],
    ['fields.correlation_id', { fields: { correlation_id: 'x' } }],
    ['resolve.correlation_display', { resolve: { state: '6', correlation_display: 'x' } }],
    ['lookups.correlation_id', { lookups: { correlation_id: { find: 'sys_user', by: { name: 'x' } } } }],
    ['update', { update: ['state'] }],
    ['key', { key: '' }],
    ['fields.__proto__', JSON.parse('{"fields":{"__proto__":{"x":1}}}')],
  ])('is a dead letter that names the field %s', async (field, change) => {
    await start();
    expect(await deliver(signal('open', 0, change))).toEqual([]);
    expect(queue.deadLetters[0]?.attributes['ErrorMessage']).toMatch(
      new RegExp(`^${field.replaceAll('.', '\\.')}: `),
    );
    expect(incidents()).toEqual([]);
  });

  it('has one effect when an answer is lost, and is known to be finished', async () => {
    for (const kinds of [['open'], ['open', 'open'], ['open', 'resolve'], ['open', 'resolve', 'open']]) {
      await start({ through: losing(({ path }) => /incident/.test(path), 1) });
      for (const [at, kind] of kinds.entries()) expect(await deliver(signal(kind, at * 60))).toEqual([]);
      expect(incidents()).toHaveLength(1);
      expect(notes(1)).toHaveLength(kinds.length);
      await queue.close();
    }
    await start();
  });

  it('makes one record when two workers race, and notes each change once', async () => {
    await start();
    const [a, b] = [signal('open', 0, {}, 'a'), signal('open', 1, {}, 'b')];
    await Promise.all([queue.deliver([a]), queue.deliver([b])]);
    expect(incidents()).toHaveLength(1);
  });

  it('writes its note next to the work notes of its columns', async () => {
    await start();
    const work_notes = 'from the columns';
    await deliver(
      signal('open', 0, { fields: { short_description: 'x', work_notes }, update: ['work_notes'] }),
    );
    await deliver(
      signal('resolve', 60, {
        resolve: { state: '6', close_code: 'Solution provided', close_notes: 'x', work_notes },
      }),
    );
    expect(notes(1)).toHaveLength(2);
    for (const text of notes(1)) expect(text).toContain(work_notes);
    expect(notes(1).join()).toContain('open 0');
    expect(notes(1).join()).toContain('resolve 60');
  });

  it.each([
    ['from two message groups', 'g', 'h'],
    ['from a standard queue', undefined, undefined],
  ])('does not win over a later one that another worker applies meanwhile, %s', async (_where, ...groups) => {
    const slow = holding(
      ({ method, body }) => method === 'PATCH' && JSON.stringify(body).includes('resolve 60'),
    );
    await start({ through: slow.through });
    await deliver(signal('open', 0));
    const inGroup = (given: TestMessage, group: string | undefined): TestMessage => {
      const { group: _group, ...message } = given;
      return { ...message, ...(group !== undefined && { group }) };
    };
    const earlier = queue.deliver([inGroup(signal('resolve', 60), groups[0])]);
    await slow.reached;
    const later = inGroup(signal('open', 120), groups[1]);
    const unfinished = await queue.deliver([later]);
    slow.release();
    expect(await earlier).toEqual([]);
    queue.later(60_000);
    if (unfinished.length > 0) expect(await queue.deliver([later])).toEqual([]);
    expect(row(1)).toMatchObject({ state: '2' });
    expect(notes(1).toSorted()).toEqual(['open 0', 'open 120', 'resolve 60']);
  });

  it('is found by correlation_id in a table that takes no sys_id', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: 'incident' } });
    for (const [at, kind] of ['open', 'resolve', 'open', 'open'].entries())
      await deliver(signal(kind, at * 60));
    expect(incidents()).toMatchObject([{ state: '2', correlation_id: 'web-01' }]);
    queue.instance.state.store.update(
      'incident',
      String(incidents()[0]?.['sys_id']),
      { state: '8', closed_at: '2020-01-01 00:00:00' },
      aPerson,
    );
    await deliver(signal('open', 86_000));
    expect(states()).toEqual(['1', '8']);
    expect(queue.deadLetters).toEqual([]);
  });

  it('looks references up, together with its record', async () => {
    await start();
    const { store } = queue.instance.state;
    const [group] = store.select('sys_user_group');
    const find = (by: object, more = {}) => ({ find: 'sys_user_group', by, ...more });
    const lookups = {
      assignment_group: find({ name: String(group?.['name']).toUpperCase() }),
      assigned_to: { find: 'sys_user', by: { user_name: null }, else: 'none' },
      caller_id: { find: 'sys_user', by: { user_name: 'absent.one' }, else: 'none' },
    };
    queue.requests();
    await deliver(signal('open', 0, { lookups }));
    expect(row(1)).toMatchObject({ assignment_group: group?.['sys_id'], assigned_to: '', caller_id: '' });
    const usersHaveSuchAColumn = 'GET /api/now/table/sys_user';
    expect(queue.requests()).toEqual([
      'POST /api/now/v1/batch',
      usersHaveSuchAColumn,
      'POST /api/now/table/incident',
    ]);
    const { caller_id } = lookups;
    const another = { caller_id: { ...caller_id, by: { user_name: 'absent.two' } } };
    await deliver(signal('open', 60, { key: 'other', lookups: another }));
    expect(queue.requests()).toEqual(['POST /api/now/v1/batch', 'POST /api/now/table/incident']);
  });

  it('takes the substitute for a reference that is not there or not one, and says so', async () => {
    await start();
    const { store } = queue.instance.state;
    const [group] = store.select('sys_user_group');
    for (const name of ['Twins', 'Twins']) store.insert('sys_user_group', { name }, aPerson);
    const lookups = (name: string, otherwise: string) => ({
      assignment_group: { find: 'sys_user_group', by: { name }, else: otherwise },
    });
    await deliver(signal('open', 0, { lookups: lookups('Twins', String(group?.['name'])) }));
    expect(row(1)).toMatchObject({ assignment_group: group?.['sys_id'] });
    expect(notes(1)[0]).toContain('more than one record of sys_user_group matches');
    await deliver(signal('open', 1, { key: 'other', lookups: lookups('No Such Group', 'fail') }));
    expect(queue.deadLetters[0]?.attributes['ErrorMessage']).toMatch(/^lookups\.assignment_group: finds no/);
  });

  it.each([
    ['finds any record', false],
    ['finds none', true],
  ])(
    'is refused when a look-up names a column that the table does not have, and %s',
    async (_what, isStrict) => {
      await start({ instance: { switches: { invalidQueryReturnsNoRows: isStrict } } });
      const lookups = { assignment_group: { find: 'sys_user_group', by: { nonsense: 'x' }, else: 'none' } };
      await deliver(signal('open', 0, { lookups }));
      expect(queue.deadLetters[0]?.attributes['ErrorMessage']).toMatch(
        /^lookups\.assignment_group\.by\.nonsense/,
      );
    },
  );

  it('becomes an event of Event Management, each time', async () => {
    await start();
    const target = { target: 'em_event', fields: { severity: '1', node: 'web-01' } };
    await deliver(signal('open', 0, target), signal('resolve', 60, target), signal('resolve', 60, target));
    const events = queue.instance.state.store.select('em_event');
    expect(events.filter(({ message_key }) => message_key === 'web-01')).toMatchObject([
      { severity: '1', resolution_state: 'New', source: 'disk' },
      { severity: '0', resolution_state: 'Closing' },
    ]);
  });

  it('becomes an event that can become an alert: with a severity, a class and a description', async () => {
    await start();
    const fields = { short_description: 'Disk full', impact: '2' };
    await deliver(signal('open', 0, { target: 'em_event', fields, key: 'alert' }));
    const events = queue.instance.state.store.select('em_event');
    expect(events.filter(({ message_key }) => message_key === 'alert')).toMatchObject([
      { severity: '2', event_class: 'disk', description: 'Disk full' },
    ]);
  });

  it.each(['update', 'note'])('makes no alert of what is no alarm: %s', async (kind) => {
    await start();
    const fields = { short_description: 'No data', impact: '2' };
    expect(await deliver(signal(kind, 0, { target: 'em_event', fields, key: 'quiet' }))).toEqual([]);
    expect(queue.reported.at(-1)).toMatchObject({ signal: kind, verdict: 'ignored' });
    const events = queue.instance.state.store.select('em_event');
    expect(events.filter(({ message_key }) => message_key === 'quiet')).toEqual([]);
  });

  it.each(['open', 'update', 'note'])('is a dead letter as an event without a severity: %s', async (kind) => {
    await start();
    await deliver(signal(kind, 0, { target: 'em_event', fields: { node: 'web-01' }, key: 'bare' }));
    expect(queue.deadLetters[0]?.attributes['ErrorMessage']).toMatch(/^fields\.severity: /);
    const events = queue.instance.state.store.select('em_event');
    expect(events.filter(({ message_key }) => message_key === 'bare')).toEqual([]);
  });

  it('becomes an event at the time of its state in UTC, which is never in the future', async () => {
    await start();
    const target = { target: 'em_event', fields: { severity: '1' } };
    const local = { ...target, at: '2026-01-02T01:30:00+02:00', key: 'local' };
    const future = { ...target, at: '2999-01-01T00:00:00Z', key: 'future' };
    await deliver(signal('open', 0, local), signal('open', 0, future));
    const timeOf = (key: string) =>
      queue.instance.state.store.select('em_event').find(({ message_key }) => message_key === key)?.[
        'time_of_event'
      ];
    expect(timeOf('local')).toBe('2026-01-01 23:30:00');
    expect(Date.parse(`${timeOf('future')?.replace(' ', 'T')}Z`)).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    ['', undefined],
    ['whose answer was lost', losing(({ method }) => method === 'POST')],
  ])('makes one event %s, also when it comes again after the table was rotated', async (_which, through) => {
    await start({ environment: { RECORDS_BATCH_API: 'false' }, ...(through && { through }) });
    const { store } = queue.instance.state;
    const message = signal('open', 0, { target: 'em_event', fields: { severity: '1' }, key: 'rotated' });
    const events = () => store.select('em_event').filter((one) => one['message_key'] === 'rotated');
    expect(await deliver(message)).toEqual([]);
    expect(events()).toHaveLength(1);
    // The primary key of a new shard knows nothing of the records in the others.
    store.remove('em_event', String(events()[0]?.['sys_id']));
    queue.restart();
    expect(await deliver(message)).toEqual([]);
    expect(events()).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
  });

  it.each(['', '*'])(
    'makes one record of a key without a life, whatever later ones say (correlationIdTables: "%s")',
    async (tables) => {
      await start({ environment: { CORRELATION_ID_TABLES: tables } });
      const once = (at: number, text: string) =>
        signal('open', at, { life: 'none', fields: { short_description: text } });
      await deliver(once(0, 'one'));
      queue.restart();
      expect(await deliver(once(60, 'two'), once(120, 'three'))).toEqual([]);
      expect(incidents()).toMatchObject([{ short_description: 'one' }]);
      expect(queue.deadLetters).toEqual([]);
      expect(queue.logged.filter(({ event }) => event === 'duplicate-differs')).toEqual([]);
    },
  );

  it('is refused where the user may not list a table of correlationIdTables', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: 'incident', RECORDS_BATCH_API: 'false' } });
    await deliver(signal('open', 0));
    const error = { message: 'User Not Authorized', detail: 'Failed API level ACL Validation' };
    const json = { error, status: 'failure' };
    const match = { method: 'GET', path: '/api/now/table/incident*' };
    queue.instance.control.faults.add({ match, action: 'answer', status: 403, json, count: 99 });
    expect(await deliver(signal('open', 60))).toEqual([]);
    expect(await deliver(signal('resolve', 120))).toEqual([]);
    expect(incidents()).toHaveLength(1);
    const refused = { attributes: { ErrorCode: 'ACCESS_DENIED' } };
    expect(queue.deadLetters).toMatchObject([refused, refused]);
  });

  it('is not applied where such a table has no correlation_id and a query by it finds nothing', async () => {
    const instance = { switches: { invalidQueryReturnsNoRows: true } };
    await start({ instance, environment: { CORRELATION_ID_TABLES: 'cmn_location' } });
    const plain = { target: 'cmn_location', life: 'none', fields: { name: 'one' }, key: 'plain' };
    const opens = [signal('open', 0, plain), signal('open', 60, plain)];
    for (const open of opens) expect(await deliver(open)).toEqual([open.id]);
    const made = queue.instance.state.store.select('cmn_location').filter(({ name }) => name === 'one');
    expect(made).toEqual([]);
  });

  it('makes one record of a key where the table has no states', async () => {
    await start();
    const plain = { target: 'cmdb_ci', life: 'none', fields: { name: 'one' }, key: 'plain' };
    await deliver(signal('open', 0, plain), signal('open', 60, plain), signal('resolve', 90, plain));
    const found = queue.instance.state.store.select('cmdb_ci').filter(({ name }) => name === 'one');
    expect(found).toHaveLength(1);
  });

  it('takes no stranger for its record where the instance drops the condition on correlation_id', async () => {
    for (const tables of ['', 'incident']) {
      const dropping = (client: ServiceNowClient): ServiceNowClient => ({
        ...client,
        send(request, context) {
          if (!request.query?.get('sysparm_query')?.includes('correlation_id'))
            return client.send(request, context);
          const query = new URLSearchParams(request.query);
          query.set('sysparm_query', 'ORDERBYDESCsys_created_on');
          return client.send({ ...request, query }, context);
        },
      });
      await start({
        through: dropping,
        environment: { CORRELATION_ID_TABLES: tables, RECORDS_BATCH_API: 'false' },
      });
      const { store } = queue.instance.state;
      const stranger = {
        correlation_id: 'other',
        correlation_display: 'disk 9 2026-01-01T00:00:00.000Z broken 0',
      };
      const made = [{ short_description: 'a stranger' }, stranger].map((one) =>
        store.insert('incident', one, aPerson),
      );
      const before = made.map(({ sys_id = '' }) => store.find('incident', sys_id));
      await deliver(signal('open', 0), signal('update', 60), signal('resolve', 120));
      expect(made.map(({ sys_id = '' }) => store.find('incident', sys_id))).toEqual(before);
      expect(incidents().filter(({ correlation_id }) => correlation_id === 'web-01')).toMatchObject([
        { state: '6' },
      ]);
      await queue.close();
    }
    await start();
  });

  describe.each([
    ['resolves', '6', ['2'], 1],
    ['closes', '7', ['1', '7'], 2],
  ])(
    'finds an open record, or makes one, when a person %s it at the same time',
    (_what, state, wanted, count) => {
      /** The person is faster than the next update. @param before what happens to the updates otherwise */
      async function startWithPerson(
        around: (client: ServiceNowClient) => ServiceNowClient = (client) => client,
      ) {
        const ended = { state, close_code: 'Solution provided', close_notes: 'by hand' };
        let isPersonAtWork = false;
        await start({
          through: (instance) => {
            const client = around(instance);
            return {
              ...client,
              send(request, context) {
                if (isPersonAtWork && request.method === 'PATCH') {
                  isPersonAtWork = false;
                  queue.instance.state.store.update('incident', sysId(1), ended, aPerson);
                }
                return client.send(request, context);
              },
            };
          },
        });
        await deliver(signal('open', 0));
        isPersonAtWork = true;
        queue.later(60_000);
      }
      const again = () => signal('open', 2 * 86_400, {}, 'now');
      const expectOpen = () => {
        expect(states()).toEqual(wanted);
        expect(incidents()).toHaveLength(count);
        expect(notes(1).filter((text) => String(text).startsWith('open 172800'))).toHaveLength(1);
        expect(queue.deadLetters).toEqual([]);
      };

      it('and says it once', async () => {
        await startWithPerson();
        expect(await deliver(again())).toEqual([]);
        expectOpen();
      });

      it('also where the answer to the update is lost', async () => {
        await startWithPerson(losing(({ method }) => method === 'PATCH'));
        expect(await deliver(again())).toEqual([]);
        expectOpen();
      });
    },
  );

  it('notes that a problem or a change request has recovered, and leaves its end to people', async () => {
    await start();
    for (const target of ['problem', 'change_request']) {
      const more = { target, key: target, resolve: {} };
      await deliver(signal('open', 0, more), signal('resolve', 60, more));
      const made = queue.instance.state.store
        .select(target)
        .filter(({ correlation_id }) => correlation_id === target);
      expect(made).toHaveLength(1);
      expect(
        journal(String(made[0]?.['sys_id']))
          .map(({ value }) => value)
          .join(),
      ).toContain('has recovered');
    }
    expect(queue.deadLetters).toEqual([]);
  });

  it('takes a change request in review for open, whatever state a reopened record would get', async () => {
    await start();
    const more = { target: 'change_request', key: 'change', resolve: {} };
    const { store } = queue.instance.state;
    const changes = () => store.select('change_request').filter((one) => one['correlation_id'] === 'change');
    await deliver(signal('open', 0, more));
    store.update('change_request', String(changes()[0]?.['sys_id']), { state: '0' }, aPerson);
    queue.later(60_000);
    await deliver(signal('open', 60, more));
    expect(changes()).toMatchObject([{ state: '0' }]);
    expect(journal(String(changes()[0]?.['sys_id'])).map(({ value }) => value)).toContain('open 60');
  });

  it('lives through its life as a security incident, whose state a person moves on meanwhile', async () => {
    await start({ roles: ['itil'] });
    const table = 'sn_si_incident';
    const more = {
      target: table,
      resolve: { state: '100', close_code: 'Investigation completed' },
      reopen: { within: 'PT4H', state: '16', atMost: 5 },
    };
    const { store } = queue.instance.state;
    const found = () =>
      store
        .select(table)
        .map(({ state, active }) => `${state} ${active}`)
        .toSorted();
    const person = (state: string) => {
      const [last] = store.select(table, { orderBy: 't0.number DESC' });
      const closing = { close_code: 'Threat mitigated', close_notes: 'by hand' };
      store.update(table, String(last?.['sys_id']), { state, ...closing }, aPerson);
    };
    await deliver(signal('open', 0, more));
    expect(found()).toEqual(['10 true']);
    person('19');
    await deliver(signal('resolve', 60, more));
    expect(found()).toEqual(['100 true']);
    await deliver(signal('open', 120, more), signal('open', 120, more));
    expect(found()).toEqual(['16 true']);
    await deliver(signal('resolve', 180, more));
    person('3');
    queue.later(600_000);
    await deliver(signal('open', 86_700, more));
    expect(found()).toEqual(['10 true', '3 false']);
    person('7');
    queue.later(600_000);
    await deliver(signal('resolve', 86_710, more), signal('open', 87_300, more));
    expect(found()).toEqual(['10 true', '3 false', '7 false']);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is not made again when it is delivered again after an admin deleted its record', async () => {
    await start();
    const first = signal('open', 0);
    await deliver(first);
    queue.instance.state.store.remove('incident', sysId(1));
    await deliver(first);
    expect(incidents()).toEqual([]);
    await deliver(signal('open', 60));
    expect(incidents()).toHaveLength(1);
  });

  it('is refused for a table or a look-up that the deployment does not serve', async () => {
    await start({ environment: { ALLOWED_TABLES: 'incident' } });
    const lookups = { caller_id: { find: 'sys_user', by: { user_name: 'x' } } };
    await deliver(signal('open', 0, { target: 'problem' }), signal('open', 1, { lookups }));
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorCode'])).toEqual([
      'TABLE_NOT_ALLOWED',
      'TABLE_NOT_ALLOWED',
    ]);
  });

  it('needs two requests', async () => {
    await start();
    await deliver(signal('open', 0));
    queue.requests();
    await deliver(signal('resolve', 60));
    expect(queue.requests()).toEqual(['POST /api/now/v1/batch', `PATCH /api/now/table/incident/${sysId(1)}`]);
    await deliver(signal('resolve', 60));
    expect(queue.requests()).toEqual([]);
  });
});
