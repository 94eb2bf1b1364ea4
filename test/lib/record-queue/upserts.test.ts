import { describe, expect, it } from 'vitest';
import { deriveUpsertSysId } from '../../../lib/operations/identity.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';
import type { TestMessage } from './emulated-queue.ts';
import { create, deployment, incidents, losingWrites, queue, start, times } from './writing.ts';

const aPerson = { userName: 'a.person', sysId: '0'.repeat(32) };

describe('upserts', () => {
  const upsert = (id: string, match: object, record: object): TestMessage => ({
    id,
    body: { action: 'upsert', table: 'incident', match, record },
  });

  it('create what does not match and update what does', async () => {
    await start();
    expect(
      await queue.deliver([upsert('m1', { correlation_id: 'x' }, { short_description: 'one' })]),
    ).toEqual([]);
    expect(
      await queue.deliver([upsert('m2', { correlation_id: 'x' }, { short_description: 'two' })]),
    ).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', short_description: 'two' }]);
  });

  it('find what an earlier message of the same batch created', async () => {
    await start();
    const made = create('m1', { correlation_id: 'x', short_description: 'made' });
    expect(
      await queue.deliver([made, upsert('m2', { correlation_id: 'x' }, { short_description: 'found' })]),
    ).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', short_description: 'found' }]);
  });

  it('that come back after a newer one has created the record leave as it is what that one wrote', async () => {
    let isFirst = true;
    const through = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (!isFirst || request.method !== 'POST') return client.send(request, context);
        isFirst = false;
        const { method, path } = request;
        throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
      },
    });
    await start({ through });
    // As SQS does, it comes back with the time at which it was sent.
    const sentAtMs = Date.now();
    const older = { ...upsert('m1', { correlation_id: 'x' }, { urgency: '1', impact: '1' }), sentAtMs };
    expect(await queue.deliver([older])).toEqual(['m1']);
    queue.later(130_000);
    expect(await queue.deliver([upsert('m2', { correlation_id: 'x' }, { urgency: '3' })])).toEqual([]);
    expect(await queue.deliver([{ ...older, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '3', impact: '1' }]);
  });

  it('make the next record of a match, however many it has had', async () => {
    await start();
    const first = deriveUpsertSysId(deployment, 'incident', { correlation_id: 'x' }, 0);
    const mark = { isDeleted: true, lastNumber: 5_000 };
    await queue.state.table.put({ pk: `record#${deployment}/default#${first}`, sk: '-', ...mark });
    expect(await queue.deliver([upsert('m1', { correlation_id: 'x' }, { urgency: '1' })])).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', urgency: '1' }]);
  });

  it('let others go on with their match once they have made its record, where the instance chooses its sys_id', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    const match = { category: 'network' };
    expect(await queue.deliver([upsert('m1', match, { correlation_id: 'x', active: 'true' })])).toEqual([]);
    const [made] = incidents();
    queue.instance.state.store.update('incident', String(made?.['sys_id']), { category: 'closed' }, aPerson);
    queue.later(61_000);
    expect(await queue.deliver([upsert('m2', match, { urgency: '1' })])).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });

  it('make one record where a look-up lags behind, and the instance chooses its sys_id', async () => {
    const instance = { switches: { lookupLagMs: 30_000 } };
    await start({ environment: { CORRELATION_ID_TABLES: '*' }, instance });
    const match = { short_description: 'one' };
    expect(await queue.deliver([upsert('m1', match, { urgency: '1' })])).toEqual([]);
    queue.later(10_000);
    const second = upsert('m2', match, { urgency: '2' });
    expect(await queue.deliver([second])).toEqual(['m2']);
    queue.later(60_000);
    expect(await queue.deliver([{ ...second, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '2' }]);
  });

  it('change a record that the list shows with an older value, where the value that it holds matches too', async () => {
    await start({ instance: { switches: { lookupLagMs: 30_000 } } });
    const { store } = queue.instance.state;
    store.seed('incident', { sys_id: 'd'.repeat(32), short_description: 'Disk full' });
    queue.later(60_000);
    store.update('incident', 'd'.repeat(32), { short_description: 'DISK FULL' }, aPerson);
    const match = { short_description: 'disk full' };
    expect(await queue.deliver([upsert('m1', match, { urgency: '1' })])).toEqual([]);
    expect(incidents()).toMatchObject([{ short_description: 'DISK FULL', urgency: '1' }]);
  });

  it('leave a record alone that the list still shows but that no longer matches', async () => {
    await start({ instance: { switches: { lookupLagMs: 30_000 } } });
    const { store } = queue.instance.state;
    store.seed('incident', { sys_id: 'd'.repeat(32), short_description: 'Disk full', urgency: '3' });
    queue.later(60_000);
    store.update('incident', 'd'.repeat(32), { short_description: 'Disk replaced' }, aPerson);
    const message = upsert('m1', { short_description: 'Disk full' }, { urgency: '1' });
    expect(await queue.deliver([message])).toEqual(['m1']);
    queue.later(60_000);
    expect(await queue.deliver([{ ...message, receiveCount: 2 }])).toEqual([]);
    const held = incidents().map(({ short_description: text, urgency }) => `${text} ${urgency}`);
    expect(held.toSorted()).toEqual(['Disk full 1', 'Disk replaced 3']);
  });

  it('let others go on with a match whose create was refused, where the instance chooses its sys_id', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    const match = { category: 'network' };
    queue.instance.control.rules.add({ table: 'incident', action: 'abort', count: 1 });
    expect(await queue.deliver([upsert('m1', match, { urgency: '1' })])).toEqual([]);
    expect(queue.deadLetters).toHaveLength(1);
    queue.later(6_000);
    expect(await queue.deliver([upsert('m2', match, { urgency: '2' })])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '2' }]);
  });

  it('that race make one record', async () => {
    await start();
    const race = times(6).map((index) =>
      queue.deliver([upsert(`m${index}`, { correlation_id: 'x' }, { category: 'network' })]),
    );
    expect((await Promise.all(race)).flat()).toEqual([]);
    expect(incidents()).toHaveLength(1);
  });

  it('that race make one record where the instance holds a value in another notation', async () => {
    await start();
    const match = { correlation_id: 'x', reassignment_count: '007' };
    const race = times(3).map((index) => queue.deliver([upsert(`m${index}`, match, { urgency: '1' })]));
    await Promise.all(race);
    for (const index of times(3)) await queue.deliver([upsert(`n${index}`, match, { urgency: '2' })]);
    expect(incidents()).toMatchObject([{ reassignment_count: '7', urgency: '2' }]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('keep the order of the batch with what names the same record otherwise', async () => {
    await start();
    const sysId = 'd'.repeat(32);
    queue.instance.state.store.seed('incident', {
      sys_id: sysId,
      correlation_id: 'x',
      correlation_display: 'y',
    });
    const named = (id: string, record: object): TestMessage => ({
      id,
      body: { action: 'update', table: 'incident', sysId, record },
    });
    await queue.deliver([
      upsert('m1', { correlation_id: 'x' }, { category: 'network', subcategory: 'm1' }),
      named('m2', { category: 'hardware' }),
      upsert('m3', { correlation_display: 'y' }, { description: 'm3' }),
      named('m4', { description: 'm4' }),
    ]);
    expect(incidents()).toMatchObject([{ category: 'hardware', description: 'm4' }]);
    await queue.deliver([
      named('m5', { description: 'm5' }),
      upsert('m6', { correlation_id: 'x' }, { description: 'm6' }),
      upsert('m7', { correlation_display: 'y' }, { description: 'm7' }),
    ]);
    expect(incidents()).toMatchObject([{ description: 'm7' }]);
    await queue.deliver([
      upsert('m8', { correlation_id: 'x' }, { description: 'm8' }),
      { id: 'm9', body: { action: 'delete', table: 'incident', sysId } },
    ]);
    expect(incidents()).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
  });

  it.each(times(5))(
    'that move on from their match are made once though the answer to batch %i was lost and it was sent again',
    async (skip) => {
      await start();
      const match = { method: 'POST', path: '/api/now/v1/batch' };
      queue.instance.control.faults.add({ match, action: 'reset-after-commit', skip });
      const moving = times(3).map((index) =>
        upsert(`m${index}`, { correlation_id: `x${index}`, category: 'new' }, { category: 'seen' }),
      );
      await queue.deliver(moving);
      queue.later(120_000);
      await queue.deliver(moving);
      expect(
        incidents()
          .map(({ correlation_id }) => correlation_id)
          .toSorted(),
      ).toEqual(['x0', 'x1', 'x2']);
      expect(queue.deadLetters).toEqual([]);
    },
  );

  it('that move on from their match are made once though the second copy of their batch is refused as a whole', async () => {
    await start();
    const match = { method: 'POST', path: '/api/now/v1/batch' };
    const { faults } = queue.instance.control;
    const json = { error: { message: 'Batch is not allowed' } };
    // Two batches look for the records; the third creates them.
    faults.add({ match, action: 'reset-after-commit', skip: 2 });
    faults.add({ match, action: 'answer', status: 400, json, skip: 3 });
    const moving = times(3).map((index) =>
      upsert(`m${index}`, { correlation_id: `x${index}`, category: 'new' }, { category: 'seen' }),
    );
    await queue.deliver(moving);
    queue.later(120_000);
    await queue.deliver(moving);
    expect(faults.list()).toEqual([]);
    expect(incidents()).toHaveLength(3);
    expect(queue.deadLetters).toEqual([]);
  });

  it('cost a few requests more next to updates of other records, not some each', async () => {
    await start();
    const ids = times(10).map((index) => `${index}`.repeat(32));
    for (const sys_id of ids)
      queue.instance.state.store.seed('incident', { sys_id, short_description: 'old' });
    queue.requests();
    const messages = ids.flatMap((sysId, index) => [
      upsert(`u${index}`, { correlation_id: sysId }, { category: 'network' }),
      { id: `m${index}`, body: { action: 'update', table: 'incident', sysId, record: { urgency: '1' } } },
    ]);
    expect(await queue.deliver(messages)).toEqual([]);
    expect(incidents()).toHaveLength(20);
    expect(queue.requests().length).toBeLessThan(6);
  });

  it('create when what they found is deleted before they update it', async () => {
    const deleting = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (request.method === 'PATCH')
          for (const { sys_id } of incidents()) queue.instance.state.store.remove('incident', String(sys_id));
        return client.send(request, context);
      },
    });
    await start({ through: deleting });
    await queue.deliver([create('m1', { correlation_id: 'x' })]);
    expect(await queue.deliver([upsert('m2', { correlation_id: 'x' }, { category: 'network' })])).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', category: 'network' }]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('are carried out though their create never arrived and another upsert made the record meanwhile', async () => {
    let lost = 0;
    await start({
      through: (client) => ({
        ...client,
        async send(request, context) {
          const isFirst = request.method === 'POST' && request.path.includes('incident') && lost === 0;
          if (!isFirst) return client.send(request, context);
          lost += 1;
          const { method, path } = request;
          throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
        },
      }),
    });
    const first = upsert('m1', { correlation_id: 'x' }, { category: 'network' });
    expect(await queue.deliver([first])).toEqual(['m1']);
    queue.later(10 * 60_000);
    expect(await queue.deliver([upsert('m2', { correlation_id: 'x' }, { urgency: '1' })])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([first])).toEqual([]);
    expect(incidents()).toMatchObject([{ category: 'network', urgency: '1' }]);
    expect(queue.deadLetters).toEqual([]);
  });

  it.each([
    ['is longer than its column', { correlation_id: 'z'.repeat(150) }],
    ['is a date in another notation', { correlation_id: 'x', due_date: '2026-11-29T10:00:00Z' }],
    ['is what the column displays', { correlation_id: 'x', category: 'Network' }],
    ['is of another record', { 'caller_id.user_name': 'absent' }],
  ])('make one record, not one each, when a value of the match %s', async (_name, match) => {
    for (const CORRELATION_ID_TABLES of ['', 'incident']) {
      await start({ environment: { CORRELATION_ID_TABLES } });
      for (const urgency of ['1', '2', '3'])
        expect(await queue.deliver([upsert(`m${urgency}`, match, { urgency })])).toEqual([]);
      expect(incidents()).toMatchObject([{ urgency: '1' }]);
      expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage'])).toEqual([
        expect.stringContaining('match: does not find the record that was created for it'),
        expect.stringContaining('match: does not find the record that was created for it'),
      ]);
      if (CORRELATION_ID_TABLES === '') await queue.close();
    }
  });

  it('make a record each when a business rule closes it at once', async () => {
    await start();
    queue.instance.control.rules.add({ table: 'incident', action: 'set', set: { active: 'false' } });
    for (const urgency of ['1', '2'])
      await queue.deliver([upsert(`m${urgency}`, { correlation_id: 'x', active: 'true' }, { urgency })]);
    expect(incidents()).toHaveLength(2);
    expect(queue.deadLetters).toEqual([]);
  });

  it('come back later where others are faster again and again', async () => {
    let reservations = 0;
    await start({
      throughTable: (table) => ({
        ...table,
        async update(key, change, ...rest) {
          if (change.set?.['maker'] === undefined) return table.update(key, change, ...rest);
          reservations += 1;
          return undefined;
        },
      }),
    });
    expect(await queue.deliver([upsert('m1', { correlation_id: 'x' }, {}), create('m2')])).toEqual(['m1']);
    expect(reservations).toBeLessThan(10);
    expect(incidents()).toMatchObject([{ short_description: 'm2' }]);
  });

  it('find by a reference, and by a column of what it leads to, which is not written', async () => {
    const written: unknown[] = [];
    const listening = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send(request, context) {
        if (request.method === 'POST') written.push(request.body);
        return client.send(request, context);
      },
    });
    await start({ through: listening });
    const { store } = queue.instance.state;
    store.seed('sys_user', { sys_id: 'c'.repeat(32), user_name: 'carla', email: 'carla@example.com' });
    const byReference = { caller_id: 'c'.repeat(32) };
    await queue.deliver([upsert('m1', byReference, { short_description: 'made' })]);
    await queue.deliver([upsert('m2', byReference, { short_description: 'changed' })]);
    await queue.deliver([upsert('m3', { 'caller_id.user_name': 'carla' }, { category: 'network' })]);
    expect(incidents()).toMatchObject([{ short_description: 'changed', category: 'network' }]);
    await queue.deliver([upsert('m4', { 'caller_id.user_name': 'absent' }, { category: 'inquiry' })]);
    const sysId = deriveUpsertSysId(deployment, 'incident', { 'caller_id.user_name': 'absent' }, 0);
    expect(written.at(-1)).toEqual({ category: 'inquiry', sys_id: sysId });
  });

  it('take a value for text, whatever stands in it', async () => {
    await start();
    const odd = ['a^ORstate=1', 'b^NQactive=true', '=c', 'INd,e', 'f\'"%_', '𝒈 ü ^'];
    const messages = (prefix: string, record: object) =>
      odd.map((value, index) => upsert(`${prefix}${index}`, { correlation_id: value }, record));
    expect(await queue.deliver(messages('m', { category: 'network' }))).toEqual([]);
    expect(await queue.deliver(messages('n', { category: 'hardware' }))).toEqual([]);
    expect(incidents().map(({ correlation_id }) => correlation_id)).toEqual(expect.arrayContaining(odd));
    expect(incidents().map(({ category }) => category)).toEqual(odd.map(() => 'hardware'));
    await queue.deliver([
      upsert('o1', { correlation_id: 'javascript:gs.sleep(9)' }, {}),
      upsert('o2', { correlation_id: 'a\nb' }, {}),
    ]);
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage'])).toEqual([
      expect.stringContaining('must not start with javascript:'),
      expect.stringContaining('must not contain control characters'),
    ]);
  });

  it('make one record in tables that refuse a given sys_id, though the answer is lost', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    queue.instance.control.faults.add({ match: { method: 'POST' }, action: 'reset-after-commit' });
    const asked = upsert('m1', { correlation_id: 'x' }, { category: 'network', comments: 'once' });
    expect(await queue.deliver([asked])).toEqual([]);
    expect(await queue.deliver([{ ...asked, id: 'm2' }])).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', category: 'network' }]);
    expect(incidents()[0]?.['sys_id']).not.toBe(
      deriveUpsertSysId(deployment, 'incident', { correlation_id: 'x' }, 0),
    );
    expect(queue.requests().filter((request) => request === 'POST /api/now/table/incident')).toHaveLength(1);
  });

  it.each([
    ['with a correlation_id of its own', { correlation_id: 'x' }],
    ['without one', { correlation_display: 'x' }],
  ])('do not bring a record back in such tables once we deleted it, %s', async (_name, match) => {
    const { switched, throughTable } = losingWrites((text) => text.includes('"applied"'));
    await start({ environment: { CORRELATION_ID_TABLES: '*' }, throughTable });
    const asked = upsert('m1', match, { category: 'network' });
    expect(await queue.deliver([asked])).toEqual(['m1']);
    switched.on = false;
    const remove = { action: 'delete', table: 'incident', sysId: incidents()[0]?.['sys_id'] };
    expect(await queue.deliver([{ id: 'm2', body: remove }])).toEqual([]);
    queue.later(180_000);
    expect(await queue.deliver([{ ...asked, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toEqual([]);
    await queue.deliver([upsert('m3', match, { category: 'network' })]);
    expect(incidents()).toHaveLength(1);
  });

  it('make a record each in such tables when a rule closes it at once, also after a lost answer', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    const { rules, faults } = queue.instance.control;
    rules.add({ table: 'incident', action: 'set', set: { active: 'false' } });
    faults.add({ match: { method: 'POST' }, action: 'reset-after-commit' });
    const asked = upsert('m1', { correlation_display: 'x', active: 'true' }, { category: 'network' });
    await queue.deliver([asked]);
    queue.later(180_000);
    expect(await queue.deliver([{ ...asked, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it('make a record each in such tables when a rule closes it at once, by the correlation_id that they give', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    const { rules, faults } = queue.instance.control;
    rules.add({ table: 'incident', action: 'set', set: { active: 'false' } });
    const finish = async (id: string) => {
      const asked = upsert(id, { correlation_id: 'x', active: 'true' }, { category: 'network' });
      for (let receiveCount = 1; ; receiveCount += 1) {
        if ((await queue.deliver([{ ...asked, receiveCount }])).length === 0) return incidents().length;
        queue.later(180_000);
      }
    };
    expect(await finish('m1')).toBe(1);
    queue.later(180_000);
    // The record of the first is not much older than this one, of which nothing arrives at first.
    faults.add({ match: { method: 'POST' }, action: 'reset-before-commit', count: 1 });
    expect(await finish('m2')).toBe(2);
    queue.later(180_000);
    faults.add({ match: { method: 'POST' }, action: 'reset-after-commit', count: 1 });
    expect(await finish('m3')).toBe(3);
    expect(queue.deadLetters).toEqual([]);
  });

  it('work in such tables that have no correlation_id', async () => {
    await start({ environment: { CORRELATION_ID_TABLES: '*' } });
    queue.instance.control.faults.add({ match: { method: 'POST' }, action: 'reset-after-commit' });
    const asked = {
      id: 'm1',
      body: { action: 'upsert', table: 'sys_user', match: { user_name: 'new.one' }, record: { title: 'x' } },
    };
    expect(await queue.deliver([asked])).toEqual([]);
    expect(await queue.deliver([{ ...asked, id: 'm2' }])).toEqual([]);
    const users = queue.instance.state.store.select('sys_user');
    expect(users.filter(({ user_name }) => user_name === 'new.one')).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it('of one match are distinguished from real refusals while look-ups lag behind what was written', async () => {
    await start({ instance: { switches: { lookupLagMs: 30_000, lookupLagOnGet: true } } });
    expect(await queue.deliver([upsert('m1', { correlation_id: 'x' }, { category: 'network' })])).toEqual([]);
    queue.restart();
    const second = upsert('m2', { correlation_id: 'x' }, { urgency: '1' });
    expect(await queue.deliver([second])).toEqual(['m2']);
    queue.later(31_000);
    expect(await queue.deliver([{ ...second, receiveCount: 9 }])).toEqual([]);
    expect(incidents()).toMatchObject([{ category: 'network', urgency: '1' }]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('refuse a match with a record that the user may not see, as it would be created once more', async () => {
    await start();
    queue.instance.control.faults.add({
      match: { method: 'GET' },
      action: 'answer',
      status: 200,
      headers: { 'x-total-count': '1' },
      json: { result: [] },
    });
    await queue.deliver([upsert('m1', { correlation_id: 'x' }, {})]);
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorMessage: 'match: finds a record that the user may not read' } },
    ]);
    expect(incidents()).toEqual([]);
  });

  it('refuse a match that finds more than one record, or that the instance would pass over', async () => {
    await start();
    await queue.deliver([create('m1', { category: 'network' }), create('m2', { category: 'network' })]);
    await queue.deliver([
      upsert('m3', { category: 'network' }, { state: '2' }),
      upsert('m4', { no_such_column: '1' }, { state: '2' }),
    ]);
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage'])).toEqual([
      expect.stringContaining('match: finds more than one'),
      expect.stringContaining('match.no_such_column'),
    ]);
    expect(incidents().map(({ state }) => state)).toEqual(['1', '1']);
  });

  it.each(['', 'incident'])(
    'refuse a match by an unknown column where the instance then finds nothing (correlationIdTables: "%s")',
    async (tables) => {
      const instance = { switches: { invalidQueryReturnsNoRows: true } };
      await start({ instance, environment: { CORRELATION_ID_TABLES: tables } });
      const match = { no_such_column: 'x' };
      expect(await queue.deliver([upsert('m1', match, { category: 'network' })])).toEqual([]);
      // A person works on it: it is still the record that was made for this match.
      const { store } = queue.instance.state;
      const [made] = incidents();
      store.update('incident', String(made?.['sys_id']), { urgency: '1' }, aPerson);
      const later = [upsert('m2', match, { urgency: '2' }), upsert('m3', match, { ...match, urgency: '3' })];
      for (const message of later) expect(await queue.deliver([message])).toEqual([]);
      expect(incidents()).toMatchObject([{ category: 'network', urgency: '1' }]);
      expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage'])).toEqual(
        later.map(() => expect.stringContaining('match.no_such_column: the table has no such column')),
      );
    },
  );
});
