import { describe, expect, it } from 'vitest';
import { StateUnavailableError } from '../../../lib/aws/state-calls.ts';
import type { StateTable, StateWrite } from '../../../lib/aws/state-table.ts';
import { deriveSysId, deriveUpsertSysId } from '../../../lib/operations/identity.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { InstanceUnavailableError, UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';
import type { TestMessage } from './emulated-queue.ts';
import { Interruptions } from './interruptions.ts';
import {
  afterReads,
  create,
  deployment,
  holding,
  incidents,
  journal,
  losing,
  queue,
  start,
  times,
} from './writing.ts';

const minutesAgo = (minutes: number) =>
  new Date(Date.now() - minutes * 60_000).toISOString().slice(0, 19).replace('T', ' ');

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

  it.each([
    ['older', ['m1', 'm2'], 0],
    ['older', ['m2', 'm1'], 0],
    ['newer', ['m1', 'm2'], 0],
    ['newer', ['m2', 'm1'], 0],
    ['older', ['m1', 'm2'], 10_000],
    ['newer', ['m1', 'm2'], 10_000],
  ])(
    'of two processes whose requests are lost, the %s first, leave the newest value when they come again as %j, moved back by others %s ms later',
    async (first, again, movedAfterMs) => {
      const sentAtMs = Date.now();
      const messages: Record<string, TestMessage> = {
        m1: { ...update('m1', { urgency: '1', short_description: 'older' }), key: 'k1', sentAtMs },
        m2: {
          ...update('m2', { urgency: '2', description: 'newer' }),
          key: 'k2',
          sentAtMs: sentAtMs + 5,
        },
      };
      const deliver = (id: string, receiveCount: number) => {
        const message = messages[id];
        if (!message) throw new Error(id);
        const movedMs = id === 'm1' && receiveCount > 1 ? movedAfterMs : 0;
        return queue.deliver([{ ...message, receiveCount, sentAtMs: Number(message.sentAtMs) + movedMs }]);
      };
      let isLosing = true;
      let isSecond = false;
      const through = (client: ServiceNowClient): ServiceNowClient => ({
        ...client,
        async send(request, context) {
          if (!isLosing || request.method !== 'PATCH') return client.send(request, context);
          // The second process begins while the request of the first is on its way.
          if (!isSecond) {
            isSecond = true;
            queue.later(1_000);
            await deliver(first === 'older' ? 'm2' : 'm1', 1);
          }
          throw new UnknownOutcomeError('lost', { ...request, effect: 'unknown' });
        },
      });
      await start({ through });
      seed();
      await deliver(first === 'older' ? 'm1' : 'm2', 1);
      queue.later(200_000);
      isLosing = false;
      for (const id of again) {
        expect(await deliver(id, 2)).toEqual([]);
        queue.later(61_000);
      }
      expect(incidents()).toMatchObject([{ urgency: '2', short_description: 'older', description: 'newer' }]);
    },
  );

  it('of a key that was sent twice, of which the later message came first, leave no column that another leaves to them', async () => {
    const sentAtMs = Date.now();
    const other = {
      ...update('m2', { urgency: '2', description: 'other' }),
      key: 'k2',
      sentAtMs: sentAtMs + 5,
    };
    const twice = (id: string, ms: number) => ({
      ...update(id, { urgency: '1', short_description: 'twice' }),
      ...{ key: 'k1', sentAtMs: sentAtMs + ms },
    });
    let state: 'first' | 'second' | 'well' = 'first';
    const through = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (state === 'well' || request.method !== 'PATCH') return client.send(request, context);
        if (state === 'first') {
          // The other process begins while the request is on its way.
          state = 'second';
          expect(await queue.deliver([other])).toEqual(['m2']);
        }
        throw new UnknownOutcomeError('lost', { ...request, effect: 'unknown' });
      },
    });
    await start({ through });
    seed();
    expect(await queue.deliver([twice('later', 10)])).toEqual(['later']);
    queue.later(200_000);
    state = 'well';
    expect(await queue.deliver([{ ...other, receiveCount: 2 }])).toEqual([]);
    queue.later(200_000);
    expect(await queue.deliver([twice('earlier', 0)])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '1', short_description: 'twice', description: 'other' }]);
  });

  it('find their record by its sys_id in either case, and are the same work in either', async () => {
    await start({ through: losing(({ method }) => method === 'PATCH') });
    seed();
    const upper = {
      action: 'update',
      table: 'incident',
      sysId: sysId.toUpperCase(),
      record: { urgency: '1' },
    };
    expect(await queue.deliver([{ id: 'm1', key: 'k', body: upper }])).toEqual([]);
    expect(await queue.deliver([{ ...update('m2', { urgency: '1' }), key: 'k' }])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '1' }]);
    queue.later(61_000);
    const remove = { action: 'delete', table: 'incident', sysId: sysId.toUpperCase() };
    expect(await queue.deliver([{ id: 'm3', body: remove }])).toEqual([]);
    expect(await queue.deliver([{ id: 'm4', body: remove }])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('of one record keep the order of the batch', async () => {
    await start();
    seed();
    await queue.deliver(times(8).map((index) => update(`m${index}`, { short_description: `v${index}` })));
    expect(incidents()).toMatchObject([{ short_description: 'v7' }]);
  });

  it('find the record that was made before them in the same batch, however full that is', async () => {
    await start();
    const made = deriveSysId(deployment, 'incident', 'k');
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

  it.each(['death before', 'death after'] as const)(
    'never revert what others wrote after them, when their process dies: %s',
    async (interruption) => {
      const world = new Interruptions();
      await start({ through: world.throughClient });
      seed();
      const old = update('m1', { short_description: 'older', category: 'hardware' });
      // The dictionary of the instance is read once; the next call is the update.
      await queue.deliver([update('m0', { description: 'first' })]);
      world.plan(1, interruption);
      expect(await Promise.race([queue.deliver([old]), world.death])).toBe('died');
      world.revive();
      queue.restart();
      await queue.deliver([update('m2', { short_description: 'newer' })]);
      queue.later(361_000);
      expect(await queue.deliver([{ ...old, receiveCount: 2 }])).toEqual([]);
      expect(incidents()).toMatchObject([{ short_description: 'newer', category: 'hardware' }]);
    },
  );

  describe('that come again,', () => {
    const mover = 'AROAMOVER000:redriveRecords';
    const environment = { TRUSTED_SENDERS: 'AROAMOVER000' };
    const anHour = 3_600_000;
    const noon = Date.now() - 4 * anHour;
    const saying = (sentAtMs: number) => ({
      OriginalSentTimestamp: { dataType: 'String', stringValue: String(sentAtMs) },
    });
    const older = { ...update('m1', { urgency: '3', category: 'hardware' }), group: 'g', sentAtMs: noon };
    const newer = { ...update('m2', { urgency: '1' }), group: 'g', sentAtMs: noon + 1 };
    /** The message of a letter, as `mover` sends it now. */
    const movedBack = (message: TestMessage, sentAtMs: number): TestMessage => ({
      ...message,
      ...{ id: `${message.id}-again`, key: message.id, sender: mover, attributes: saying(sentAtMs) },
      sentAtMs: Date.now(),
    });
    /** An instance that is down until the test says otherwise. */
    const outage = () => {
      const switched = { on: true };
      const through = (client: ServiceNowClient): ServiceNowClient => ({
        ...client,
        async send(request, context) {
          if (switched.on) throw new InstanceUnavailableError('down', request);
          return client.send(request, context);
        },
      });
      return { switched, through };
    };

    it('leave what a newer one has written when their dead letter is moved back after an outage', async () => {
      const { switched, through } = outage();
      await start({ environment, through });
      seed();
      const last = { firstReceivedMsAgo: 3 * anHour, receiveCount: 90 };
      expect(await queue.deliver([{ ...older, ...last }])).toEqual([]);
      const said = queue.deadLetters.map(({ attributes }) => attributes);
      expect(said).toMatchObject([{ OriginalSentTimestamp: String(noon), IdempotencyKey: 'm1' }]);
      switched.on = false;
      queue.restart();
      expect(await queue.deliver([newer])).toEqual([]);
      expect(incidents()).toMatchObject([{ urgency: '1', category: 'network' }]);
      queue.restart();
      expect(await queue.deliver([movedBack(older, noon)])).toEqual([]);
      expect(incidents()).toMatchObject([{ urgency: '1', category: 'hardware' }]);
    });

    it('change nothing and count as done when a newer one has written all that they give', async () => {
      await start({ environment });
      seed();
      await queue.deliver([newer]);
      queue.requests();
      const moved = movedBack({ ...older, body: update('m1', { urgency: '3' }).body }, noon);
      expect(await queue.deliver([moved])).toEqual([]);
      expect(await queue.deliver([{ ...moved, id: 'm3', receiveCount: 2 }])).toEqual([]);
      expect(queue.requests().filter((request) => request.startsWith('PATCH'))).toEqual([]);
      expect(incidents()).toMatchObject([{ urgency: '1' }]);
    });

    it.each([
      ['leave', 'of one millisecond leave what the later one has written', '1', '2', '1'],
      ['write', 'of one millisecond write over what the earlier one has written', '2', '1', '3'],
    ])('%s: %s', async (_what, _name, numberOfLetter, numberOfOther, urgency) => {
      const { switched, through } = outage();
      await start({ environment, through });
      seed();
      const numbered = (message: TestMessage, sequence: string): TestMessage => ({
        ...message,
        ...{ sequence: `188494964604676${sequence}`, sentAtMs: noon },
      });
      const last = { firstReceivedMsAgo: 3 * anHour, receiveCount: 90 };
      await queue.deliver([{ ...numbered(older, numberOfLetter), ...last }]);
      const [letter] = queue.deadLetters;
      switched.on = false;
      queue.restart();
      expect(await queue.deliver([numbered(newer, numberOfOther)])).toEqual([]);
      const stringValue = String(letter?.attributes['OriginalSequenceNumber']);
      const moved = movedBack(older, noon);
      const attributes = { ...moved.attributes, OriginalSequenceNumber: { dataType: 'String', stringValue } };
      expect(await queue.deliver([{ ...moved, attributes, sequence: '9'.repeat(20) }])).toEqual([]);
      expect(incidents()).toMatchObject([{ urgency, category: 'hardware' }]);
    });

    it('write over an older one that was written late', async () => {
      await start({ environment });
      seed();
      expect(await queue.deliver([older])).toEqual([]);
      expect(await queue.deliver([movedBack(newer, noon + 1)])).toEqual([]);
      expect(incidents()).toMatchObject([{ urgency: '1', category: 'hardware' }]);
    });

    it('leave what a newer one has written, which was itself moved back before', async () => {
      await start({ environment });
      seed();
      await queue.deliver([movedBack(newer, noon + 1)]);
      await queue.deliver([movedBack(older, noon)]);
      expect(incidents()).toMatchObject([{ urgency: '1', category: 'hardware' }]);
    });

    it('are as new as SQS says where a sender only claims an earlier time', async () => {
      await start({ environment });
      seed();
      await queue.deliver([newer]);
      await queue.deliver([{ ...movedBack(older, noon), sender: 'AROAOTHER000:s' }]);
      expect(incidents()).toMatchObject([{ urgency: '3' }]);
    });

    it('leave what a newer message has written meanwhile, after an outage on a standard queue', async () => {
      const { switched, through } = outage();
      await start({ through });
      seed();
      const { group: _group, ...early } = older;
      const { group: _other, ...late } = newer;
      expect(await queue.deliver([early])).toEqual(['m1']);
      switched.on = false;
      queue.restart();
      expect(await queue.deliver([late])).toEqual([]);
      expect(await queue.deliver([{ ...early, receiveCount: 2 }])).toEqual([]);
      expect(incidents()).toMatchObject([{ urgency: '1', category: 'hardware' }]);
    });

    it('leave what a newer upsert has written to the record that it made', async () => {
      await start({ environment });
      const upsert = (id: string, record: object, sentAtMs: number): TestMessage => ({
        ...{ id, sentAtMs, group: 'g' },
        body: { action: 'upsert', table: 'incident', match: { correlation_id: 'x' }, record },
      });
      await queue.deliver([upsert('m2', { urgency: '1' }, noon + 1)]);
      const late = upsert('m1', { urgency: '3', category: 'hardware' }, noon);
      expect(await queue.deliver([movedBack(late, noon)])).toEqual([]);
      expect(incidents()).toMatchObject([{ urgency: '1', category: 'hardware' }]);
    });
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

  it('write a note once, though SQS hands its message out twice in one batch', async () => {
    await start();
    seed();
    const note = update('m1', { work_notes: 'once' });
    expect(await queue.deliver([note, note])).toEqual([]);
    expect(journal(sysId)).toHaveLength(1);
  });

  it.each([
    ['a key', { key: 'k' }],
    ['no key', {}],
  ])('with %s have one effect though two processes get the message at once', async (_name, key) => {
    await start({ throughTable: afterReads(2) });
    seed();
    const note = { ...update('m1', { work_notes: 'once', urgency: '1' }), ...key };
    const unfinished = await Promise.all([queue.deliver([note]), queue.deliver([note])]);
    expect(unfinished.flat()).toEqual(['m1']);
    expect(await queue.deliver([note])).toEqual([]);
    expect(journal(sysId)).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it('do not revert a newer one when a copy that another process has had all the while goes out late', async () => {
    const { through, reached, release } = holding(({ path }) => path.includes('sys_dictionary'));
    await start({ through });
    seed();
    const old = { ...update('m1', { urgency: '1' }), key: 'old' };
    const late = queue.deliver([old]);
    await reached;
    queue.restart();
    expect(await queue.deliver([{ ...old, id: 'm2' }])).toEqual([]);
    expect(await queue.deliver([update('m3', { urgency: '2' })])).toEqual([]);
    release();
    expect(await late).toEqual(['m1']);
    expect(await queue.deliver([old])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '2' }]);
  });

  it('are written in the end though two copies raced and the answer to one was lost', async () => {
    await start({ throughTable: afterReads(2) });
    seed();
    const asked = { ...update('m1', { urgency: '1', work_notes: 'once' }), key: 'k' };
    queue.instance.control.faults.add({ match: { method: 'PATCH' }, action: 'reset-before-commit' });
    await Promise.all([queue.deliver([asked]), queue.deliver([{ ...asked, id: 'm2' }])]);
    queue.restart();
    queue.later(180_000);
    expect(await queue.deliver([asked])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '1' }]);
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

  it('write a note, though the record was made with the same', async () => {
    await start();
    const record = { comments: 'down' };
    await queue.deliver([
      { ...create('m1', record), key: 'k' },
      { id: 'm2', body: { action: 'upsert', table: 'incident', match: { correlation_id: 'x' }, record } },
    ]);
    const made = deriveSysId(deployment, 'incident', 'k');
    const upserted = deriveUpsertSysId(deployment, 'incident', { correlation_id: 'x' }, 0);
    for (const [index, sysId] of [made, upserted].entries()) {
      const body = { action: 'update', table: 'incident', sysId, record };
      await queue.deliver([{ id: `m${index + 3}`, body, key: `k${index}` }]);
      expect(journal(sysId)).toHaveLength(2);
    }
  });

  it('write every one of the same notes, though that the first was written could not be remembered', async () => {
    const switched = { on: true };
    const isNote = (write: StateWrite) => JSON.stringify(write).includes('"note#') && 'put' in write;
    const throughTable = (table: StateTable): StateTable => ({
      ...table,
      async writeMany(writes, call) {
        const lost = writes.filter(
          (one) => switched.on && isNote(one) && JSON.stringify(one).includes('"applied"'),
        );
        await table.writeMany(
          writes.filter((one) => !lost.includes(one)),
          call,
        );
        if (lost.length > 0) throw new StateUnavailableError('away');
      },
    });
    await start({ throughTable });
    seed();
    const notes = times(2).map((index) => update(`m${index}`, { comments: 'still down' }));
    expect(await queue.deliver(notes.slice(0, 1))).toEqual(['m0']);
    switched.on = false;
    // Nothing of the first is under way any more, and the clocks may differ by two minutes.
    queue.later(116_000);
    queue.restart();
    expect(await queue.deliver(notes.slice(0, 1).map((one) => ({ ...one, receiveCount: 2 })))).toEqual([]);
    queue.instance.control.faults.add({ match: { method: 'PATCH' }, action: 'reset-before-commit' });
    expect(await queue.deliver(notes.slice(1))).toEqual(['m1']);
    queue.later(61_000);
    expect(await queue.deliver(notes.slice(1).map((one) => ({ ...one, receiveCount: 2 })))).toEqual([]);
    expect(journal(sysId)).toHaveLength(2);
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
    queue.later(61_000);
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

  it.each([-1_800_000, -300_000, 300_000])(
    'write a note once where the clock of the instance is %i ms ahead of ours',
    async (aheadMs) => {
      const clock = { now: () => Date.now() + aheadMs };
      await start({ through: losing(({ method }) => method === 'PATCH'), instance: { clock } });
      seed();
      const note = update('m1', { comments: 'x' });
      await queue.deliver([note]);
      queue.restart();
      queue.later(61_000);
      expect(await queue.deliver([{ ...note, receiveCount: 2 }])).toEqual([]);
      expect(journal(sysId)).toHaveLength(1);
    },
  );

  it('come back when the journal cannot be seen, rather than write a note twice', async () => {
    await start({ through: losing(({ method }) => method === 'PATCH') });
    seed();
    queue.instance.control.faults.add({
      match: { path: '/api/now/table/sys_journal_field' },
      action: 'answer',
      status: 200,
      headers: { 'x-total-count': '1' },
      json: { result: [] },
      count: 2,
    });
    const note = update('m1', { comments: 'x' });
    expect(await queue.deliver([note])).toEqual(['m1']);
    queue.later(61_000);
    expect(await queue.deliver([{ ...note, receiveCount: 2 }])).toEqual(['m1']);
    expect(await queue.deliver([{ ...note, receiveCount: 3 }])).toEqual([]);
    expect(journal(sysId)).toHaveLength(1);
  });

  it('write the same note once for each of several keys whose answers are lost in one second', async () => {
    const now = Date.now();
    const through = losing(({ method }) => method === 'PATCH', 6);
    await start({ through, instance: { clock: { now: () => now } } });
    seed();
    const messages = times(6).map((index) => update(`m${index}`, { work_notes: 'the same' }));
    for (let round = 1; round < 8; round += 1) {
      await queue.deliver(messages.map((message) => ({ ...message, receiveCount: round })));
      queue.later(61_000);
    }
    expect(journal(sysId)).toHaveLength(6);
    expect(queue.deadLetters).toEqual([]);
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
