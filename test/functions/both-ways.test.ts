import { describe, expect, it } from 'vitest';
import { StateUnavailableError } from '../../lib/aws/state-calls.ts';
import type { StateTable } from '../../lib/aws/state-table.ts';
import { deriveSysId, deriveUpsertSysId } from '../../lib/operations/identity.ts';
import type { ServiceNowClient, ServiceNowRequest } from '../../lib/servicenow/call.ts';
import type { TestMessage } from '../lib/record-queue/emulated-queue.ts';
import { late, startBothWays } from './both-ways.ts';

const sysId = deriveSysId('servicenow-functions/dev', 'incident', 'k');
const create: TestMessage = { id: 'm1', key: 'k', body: { table: 'incident', record: { urgency: '1' } } };
const removal: TestMessage = { id: 'm2', body: { action: 'delete', table: 'incident', sysId } };
const update = (id: string, record: object): TestMessage => ({
  id,
  body: { action: 'update', table: 'incident', sysId, record },
});
const again = (message: TestMessage): TestMessage => ({ ...message, receiveCount: 2 });
/** Longer than a write may be in doubt. */
const overMs = 91_000;

describe('an update over HTTP without a key whose answer was lost', () => {
  it('is not overtaken by an update of the queue', async () => {
    const { through, commit } = late(({ method }) => method === 'PATCH');
    const { queue, patch, later, store } = await startBothWays({}, through);
    await queue.deliver([create]);
    expect(await patch(sysId, { urgency: '2' })).toMatchObject({
      headers: { 'x-error-code': 'OUTCOME_UNKNOWN' },
    });
    const newer = update('m2', { urgency: '3' });
    expect(await queue.deliver([newer])).toEqual(['m2']);
    await commit();
    later(overMs);
    expect(await queue.deliver([again(newer)])).toEqual([]);
    expect(store.find('incident', sysId)).toMatchObject({ urgency: '3' });
  });
});

/** An instance that answers a PATCH no more before the deadline of its call, after which the state table is out of reach for that call. */
function slow() {
  const { through: losing, commit } = late(({ method }) => method === 'PATCH');
  let deadlineMs = 0;
  const through = (client: ServiceNowClient): ServiceNowClient => {
    const lost = losing(client);
    return {
      ...client,
      send(request, context) {
        if (request.method === 'PATCH') deadlineMs = context?.deadline?.atMs ?? 0;
        return lost.send(request, context);
      },
    };
  };
  const throughTable = (table: StateTable): StateTable => ({
    ...table,
    async update(key, change, condition, call) {
      if ((call?.deadline?.atMs ?? 0) <= deadlineMs)
        throw new StateUnavailableError('the deadline has passed');
      return table.update(key, change, condition, call);
    },
  });
  const end = () => {
    deadlineMs = 0;
  };
  return { through, throughTable, commit, end };
}

describe('an update over HTTP to an instance that answers no more in its time', () => {
  it.each([undefined, 'p1'])('is not overtaken by an update of the queue (key: %s)', async (key) => {
    const { through, throughTable, commit, end } = slow();
    const { queue, patch, later, store } = await startBothWays({ throughTable }, through);
    await queue.deliver([create]);
    expect((await patch(sysId, { urgency: '2' }, key)).statusCode).toBe(504);
    end();
    // A message is as new as the moment at which it was sent.
    const newer = { ...update('m2', { urgency: '3' }), sentAtMs: Date.now() + 1_000 };
    expect(await queue.deliver([newer])).toEqual(['m2']);
    await commit();
    later(overMs);
    expect(await queue.deliver([again(newer)])).toEqual([]);
    expect(store.find('incident', sysId)).toMatchObject({ urgency: '3' });
  });
});

describe('a record that was deleted over HTTP', () => {
  it.each([undefined, 'd'])(
    'is not made again by a create of the queue or over HTTP (key: %s)',
    async (key) => {
      const { queue, post, remove, incidents, deadLetters } = await startBothWays();
      await queue.deliver([create]);
      expect((await remove(sysId, key)).statusCode).toBe(204);
      expect(await queue.deliver([again(create)])).toEqual([]);
      expect(await post({ urgency: '1' }, 'k')).toMatchObject({
        statusCode: 200,
        headers: { 'idempotency-replayed': 'true', 'idempotency-deleted': 'true' },
      });
      expect(incidents()).toEqual([]);
      expect(deadLetters()).toEqual([]);
    },
  );

  it('is not made again in a table of correlationIdTables either', async () => {
    const environment = { CORRELATION_ID_TABLES: 'incident' };
    const { queue, post, remove, incidents, deadLetters } = await startBothWays({ environment });
    expect((await post({ urgency: '1' }, 'k')).statusCode).toBe(201);
    expect((await remove(String(incidents()[0]?.['sys_id']))).statusCode).toBe(204);
    expect(await queue.deliver([create])).toEqual([]);
    expect(await post({ urgency: '1' }, 'k')).toMatchObject({
      statusCode: 200,
      headers: { 'idempotency-replayed': 'true', 'idempotency-deleted': 'true' },
    });
    expect(incidents()).toEqual([]);
    expect(deadLetters()).toEqual([]);
  });

  it('is no dead letter for what was sent to it before, and its match makes the next record', async () => {
    const { queue, remove, incidents, deadLetters } = await startBothWays();
    const match = { correlation_id: 'x' };
    const upsert = (id: string) => ({
      id,
      body: { action: 'upsert', table: 'incident', match, record: { urgency: '1' } },
    });
    await queue.deliver([create, upsert('m3')]);
    await remove(sysId);
    await remove(deriveUpsertSysId('servicenow-functions/dev', 'incident', match, 0));
    expect(await queue.deliver([again(upsert('m3')), update('m4', { urgency: '2' }), removal])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(await queue.deliver([upsert('m5')])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(deadLetters()).toEqual([]);
  });

  it('is not remembered as deleted where the instance refused that', async () => {
    const { queue, remove, deadLetters } = await startBothWays();
    await queue.deliver([create]);
    const json = { error: { message: 'no', detail: 'ACL' }, status: 'failure' };
    queue.instance.control.faults.add({ match: { method: 'DELETE' }, action: 'answer', status: 403, json });
    expect((await remove(sysId)).statusCode).toBe(403);
    expect((await remove('f'.repeat(32))).statusCode).toBe(404);
    queue.instance.state.store.remove('incident', sysId);
    expect(await queue.deliver([update('m4', { urgency: '2' })])).toEqual([]);
    expect(deadLetters()).toEqual(['RECORD_NOT_FOUND']);
  });
});

describe('a create over HTTP', () => {
  it('does not make a record again that the queue has deleted', async () => {
    const { queue, post, incidents } = await startBothWays();
    expect((await post({ urgency: '1' }, 'k')).statusCode).toBe(201);
    expect(await queue.deliver([removal])).toEqual([]);
    const repeats = await Promise.all([post({ urgency: '1' }, 'k'), post({ urgency: '1' }, 'k')]);
    expect(repeats).toMatchObject([{ statusCode: 200 }, { statusCode: 200 }]);
    expect(incidents()).toEqual([]);
  });

  it('whose answer was lost keeps deletes away until its copy is over', async () => {
    const { through, commit } = late(({ method }) => method === 'POST');
    const { queue, post, remove, incidents, later, deadLetters } = await startBothWays({}, through);
    expect((await post({ urgency: '1' }, 'k')).statusCode).toBe(504);
    expect((await post({ urgency: '1' }, 'k')).statusCode).toBe(201);
    expect(await queue.deliver([removal])).toEqual(['m2']);
    expect(await remove(sysId)).toMatchObject({
      statusCode: 503,
      headers: { 'x-error-code': 'RECORD_IN_DOUBT', 'retry-after': '5' },
    });
    await commit();
    later(overMs);
    expect(await queue.deliver([again(removal)])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(deadLetters()).toEqual([]);
  });

  it.each([
    ['correlationIdTables', 'incident', { lookupLagMs: 5_000 }],
    ['a table that ignores a given sys_id', '', { ignoreGivenSysIdOn: ['incident'] }],
  ])('is the same work as one of the queue under its key: %s', async (_where, tables, switches) => {
    const { queue, post, incidents, deadLetters } = await startBothWays({
      environment: { CORRELATION_ID_TABLES: tables },
      instance: { switches },
    });
    expect((await post({ urgency: '1' }, 'k')).statusCode).toBe(201);
    expect(await queue.deliver([create])).toEqual([]);
    expect(await queue.deliver([{ ...create, id: 'm3', key: 'other' }])).toEqual([]);
    expect((await post({ urgency: '1' }, 'other')).statusCode).toBe(200);
    expect(incidents()).toHaveLength(2);
    expect(deadLetters()).toEqual([]);
  });
});

describe('a delete over HTTP whose answer was lost', () => {
  it.each([undefined, 'd1'])('keeps other writes away until it is over (its key: %s)', async (key) => {
    const { through, commit } = late(({ method }) => method === 'DELETE');
    const { queue, remove, patch, store, incidents, later, deadLetters } = await startBothWays({}, through);
    const id = 'd'.repeat(32);
    store.seed('incident', { sys_id: id, correlation_id: 'x' });
    const body = {
      action: 'upsert',
      table: 'incident',
      match: { correlation_id: 'x' },
      record: { urgency: '1' },
    };
    const upsert = { id: 'u1', body };
    expect((await remove(id, key)).statusCode).toBeGreaterThanOrEqual(500);
    expect((await patch(id, { urgency: '2' }, 'p1')).headers).toMatchObject({
      'x-error-code': 'RECORD_IN_DOUBT',
    });
    expect(await queue.deliver([upsert])).toEqual(['u1']);
    await commit();
    later(overMs);
    expect(await queue.deliver([again(upsert)])).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'x', urgency: '1' }]);
    expect(deadLetters()).toEqual([]);
  });
});

describe('an update over HTTP and one of the queue', () => {
  const isPatch = ({ method }: ServiceNowRequest) => method === 'PATCH';

  it('wait for each other while an answer is lost, so that the later one is there in the end', async () => {
    const http = late(isPatch);
    const { queue, patch, incidents, later } = await startBothWays({}, http.through);
    await queue.deliver([create]);
    expect((await patch(sysId, { urgency: '2' }, 'p1')).statusCode).toBe(504);
    expect(await queue.deliver([update('m4', { urgency: '3' })])).toEqual(['m4']);
    expect(await patch(sysId, { urgency: '3' }, 'p2')).toMatchObject({
      statusCode: 503,
      headers: { 'x-error-code': 'RECORD_IN_DOUBT', 'retry-after': '60' },
    });
    await http.commit();
    later(overMs);
    expect(await queue.deliver([again(update('m4', { urgency: '3' }))])).toEqual([]);
    expect((await patch(sysId, { urgency: '3' }, 'p2')).statusCode).toBe(200);
    expect(incidents()).toMatchObject([{ urgency: '3' }]);
  });

  it('never revert each other: what a later one wrote stays', async () => {
    const { through } = late(isPatch);
    const { queue, patch, incidents, later } = await startBothWays({ through });
    await queue.deliver([create]);
    const older = update('m4', { urgency: '2', impact: '2' });
    expect(await queue.deliver([older])).toEqual(['m4']);
    later(overMs);
    expect((await patch(sysId, { urgency: '3' }, 'p1')).statusCode).toBe(200);
    expect(await queue.deliver([again(older)])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '3', impact: '2' }]);
  });

  it('waits for the other that lost its answer while one before it in its batch was under way', async () => {
    const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const through = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (!isPatch(request)) return client.send(request, context);
        reached.resolve();
        await released.promise;
        return client.send(request, context);
      },
    });
    const http = late(isPatch);
    const { queue, patch, incidents, later } = await startBothWays({ through }, http.through);
    await queue.deliver([create]);
    // Sent after the call, as far as the clocks say.
    const second = { ...update('m5', { urgency: '3' }), sentAtMs: Date.now() + 60_000 };
    const batch = queue.deliver([update('m4', { description: 'slow' }), second]);
    await reached.promise;
    expect((await patch(sysId, { urgency: '2' }, 'p1')).statusCode).toBe(504);
    released.resolve();
    expect(await batch).toEqual(['m5']);
    await http.commit();
    later(overMs);
    expect(await queue.deliver([again(second)])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '3', description: 'slow' }]);
  });

  it('never revert each other over HTTP: a repeat leaves what a later one wrote', async () => {
    const { through } = late(isPatch);
    const { queue, patch, incidents, store, later } = await startBothWays({}, through);
    await queue.deliver([create]);
    const older = { work_notes: 'older', urgency: '2', impact: '2' };
    expect((await patch(sysId, older, 'p1')).statusCode).toBe(504);
    later(overMs);
    expect((await patch(sysId, { urgency: '3' }, 'p2')).statusCode).toBe(200);
    later(overMs);
    expect((await patch(sysId, older, 'p1')).statusCode).toBe(200);
    expect(incidents()).toMatchObject([{ urgency: '3', impact: '2' }]);
    expect(store.select('sys_journal_field').map(({ value }) => value)).toContain('older');
  });

  it.each(['over HTTP', 'by the queue'])(
    'add the same note once each, though the answer to one was lost before it was written and the other was %s',
    async (way) => {
      const { through } = late(isPatch);
      const { queue, store, patch, later } = await startBothWays({}, through);
      await queue.deliver([create]);
      const note = { work_notes: 'restarted' };
      const written = () => store.select('sys_journal_field').filter((row) => row['element_id'] === sysId);
      expect((await patch(sysId, note, 'p1')).statusCode).toBe(504);
      later(overMs);
      if (way === 'over HTTP') expect((await patch(sysId, note, 'p2')).statusCode).toBe(200);
      else expect(await queue.deliver([update('m4', note)])).toEqual([]);
      expect(written()).toHaveLength(1);
      expect((await patch(sysId, note, 'p1')).statusCode).toBe(200);
      expect(written()).toHaveLength(2);
      expect((await patch(sysId, note, 'p1')).statusCode).toBe(200);
      expect(written()).toHaveLength(2);
    },
  );
});

/** The state table takes no more writes once the instance has answered a write, until it is back. */
function awayAfterAnswer() {
  const state = { isAway: false };
  const away = () => {
    if (state.isAway) throw new StateUnavailableError('away');
  };
  const throughTable = (table: StateTable): StateTable => ({
    ...table,
    async put(...given) {
      away();
      return table.put(...given);
    },
    async update(...given) {
      away();
      return table.update(...given);
    },
    async delete(...given) {
      away();
      return table.delete(...given);
    },
    async writeMany(...given) {
      away();
      return table.writeMany(...given);
    },
  });
  const through = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      try {
        return await client.send(request, context);
      } finally {
        if (request.method !== 'GET') state.isAway = true;
      }
    },
  });
  return { throughTable, through, back: () => (state.isAway = false) };
}

describe('a keyed write over HTTP that the state table cannot remember as done', () => {
  it('adds its note once', async () => {
    const { throughTable, through, back } = awayAfterAnswer();
    const { queue, store, patch, later } = await startBothWays({ throughTable }, through);
    await queue.deliver([create]);
    const note = { work_notes: 'restarted' };
    expect((await patch(sysId, note, 'p1')).statusCode).toBe(200);
    back();
    later(overMs);
    expect((await patch(sysId, note, 'p1')).statusCode).toBe(200);
    expect(store.select('sys_journal_field').filter((row) => row['element_id'] === sysId)).toHaveLength(1);
  });

  it('deletes its record, and says so to a repeat', async () => {
    const { throughTable, through, back } = awayAfterAnswer();
    const { queue, remove, incidents, later } = await startBothWays({ throughTable }, through);
    await queue.deliver([create]);
    expect((await remove(sysId, 'd1')).statusCode).toBe(204);
    expect(incidents()).toEqual([]);
    back();
    later(overMs);
    expect((await remove(sysId, 'd1')).statusCode).toBe(204);
  });

  it('makes one record in a table that ignores sys_ids', async () => {
    const { throughTable, through } = awayAfterAnswer();
    const instance = { switches: { ignoreGivenSysIdOn: ['incident'] } };
    const { post, incidents } = await startBothWays({ throughTable, instance }, through);
    expect((await post({ urgency: '1' }, 'k')).statusCode).toBe(201);
    expect(incidents()).toHaveLength(1);
  });
});
