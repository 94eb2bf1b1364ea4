import { describe, expect, it } from 'vitest';
import { StateUnavailableError } from '../../../lib/aws/state-calls.ts';
import { deriveSysId, deriveUpsertSysId } from '../../../lib/operations/identity.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';
import type { TestMessage } from './emulated-queue.ts';
import {
  create,
  deployment,
  holding,
  holdingChange,
  incidents,
  losing,
  queue,
  runningLate,
  start,
} from './writing.ts';

const made = deriveSysId(deployment, 'incident', 'k');
const given = 'd'.repeat(32);
const createOf = (id: string): TestMessage => ({ ...create(id), key: 'k' });
const remove = (id: string, sysId = made, more: Partial<TestMessage> = {}): TestMessage => ({
  id,
  body: { action: 'delete', table: 'incident', sysId },
  ...more,
});
const update = (id: string, sysId: string, record: object): TestMessage => ({
  id,
  body: { action: 'update', table: 'incident', sysId, record },
});
const upsert = (id: string, more: Partial<TestMessage> = {}): TestMessage => ({
  id,
  body: { action: 'upsert', table: 'incident', match: { correlation_id: 'x' }, record: { urgency: '1' } },
  ...more,
});
const upserted = (number = 0) => deriveUpsertSysId(deployment, 'incident', { correlation_id: 'x' }, number);
const again = (message: TestMessage): TestMessage => ({ ...message, receiveCount: 2 });
const isPost = ({ method }: { readonly method: string }) => method === 'POST';
const seed = (sysId: string, values: Readonly<Record<string, string>> = {}) =>
  queue.instance.state.store.seed('incident', { sys_id: sysId, ...values });
const codes = () => queue.deadLetters.map(({ attributes }) => attributes['ErrorCode']);
/** Longer than a write may be in doubt. */
const overMs = 61_000;

describe('deletes', () => {
  it('are refused for a record that the user may not see, as it is still there', async () => {
    await start();
    seed(given);
    queue.instance.state.store.rules.hidden.add(given);
    expect(await queue.deliver([remove('m1', given)])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([remove('m2', given)])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(codes()).toEqual(['RECORD_NOT_FOUND', 'RECORD_NOT_FOUND']);
  });

  it('succeed again when the record is gone', async () => {
    await start();
    await queue.deliver([createOf('m1')]);
    expect(await queue.deliver([remove('m2')])).toEqual([]);
    expect(await queue.deliver([remove('m2'), remove('m3')])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(codes()).toEqual([]);
  });

  it.each([false, true])(
    'are not undone by a create that was faster, where look-ups lag behind (its process dies: %s)',
    async (dies) => {
      let isOnItsWay = false;
      const through = (client: ServiceNowClient): ServiceNowClient => ({
        ...client,
        async send(request, context) {
          if (!isOnItsWay || !isPost(request)) return client.send(request, context);
          isOnItsWay = false;
          expect(await queue.deliver([remove('m2')])).toEqual([]);
          const answer = await client.send(request, context);
          if (dies) throw new UnknownOutcomeError('lost', { ...request, effect: 'unknown' });
          return answer;
        },
      });
      await start({ through, instance: { switches: { lookupLagMs: 5_000, lookupLagOnGet: true } } });
      await queue.deliver([createOf('m1')]);
      queue.later(6_000);
      isOnItsWay = true;
      for (let receiveCount = 1; receiveCount < 5; receiveCount += 1) {
        const unfinished = await queue.deliver([{ ...createOf('m3'), receiveCount }]);
        queue.later(overMs);
        if (unfinished.length === 0) break;
      }
      expect([incidents(), codes()]).toEqual([[], []]);
    },
  );

  it('are no evidence where the instance refused them: what a person deletes later is not found', async () => {
    await start();
    seed(given);
    const json = { error: { message: 'no', detail: 'ACL' }, status: 'failure' };
    queue.instance.control.faults.add({ match: { method: 'DELETE' }, action: 'answer', status: 403, json });
    expect(await queue.deliver([remove('m1', given)])).toEqual([]);
    queue.instance.state.store.remove('incident', given);
    expect(await queue.deliver([update('m2', given, { urgency: '1' }), remove('m3', given)])).toEqual([]);
    expect(codes()).toHaveLength(3);
    expect(codes().slice(1)).toEqual(['RECORD_NOT_FOUND', 'RECORD_NOT_FOUND']);
  });

  it.each([
    ['two processes get the message at once', 'GET'],
    ['both processes have seen the record', 'DELETE'],
  ])('have one effect and no dead letter when %s', async (_when, held) => {
    const { through, reached, release } = holding(({ method }) => method === held);
    await start({ through });
    seed(given);
    const late = queue.deliver([remove('m1', given)]);
    await reached;
    queue.restart();
    expect(await queue.deliver([remove('m1', given)])).toEqual([]);
    release();
    expect(await late).toEqual([]);
    expect(codes()).toEqual([]);
  });
});

describe('of two deletes of one record', () => {
  const isDelete = ({ method }: { readonly method: string }) => method === 'DELETE';

  it('the one that is refused leaves what is known of the other, whose process died', async () => {
    const { through, reached, release } = holding(isDelete);
    await start({ through });
    seed(given);
    const first = queue.deliver([remove('m1', given)]);
    await reached;
    queue.restart();
    const json = { error: { message: 'no', detail: 'ACL' }, status: 'failure' };
    const { faults } = queue.instance.control;
    faults.add({ match: { method: 'DELETE' }, action: 'answer', status: 403, json });
    expect(await queue.deliver([remove('m2', given)])).toEqual([]);
    queue.instance.state.store.remove('incident', given);
    queue.restart();
    expect(await queue.deliver([again(remove('m1', given))])).toEqual([]);
    expect(codes()).toEqual(['ACCESS_DENIED']);
    release();
    await first;
  });

  it('the slower one comes back where a late copy has made the record again since', async () => {
    const deleting = holding(isDelete);
    let isChecking = false;
    const checking = holding(({ method }) => isChecking && method === 'GET');
    await start({ through: (client) => deleting.through(checking.through(client)) });
    seed(given);
    const slower = queue.deliver([remove('m1', given)]);
    await deleting.reached;
    queue.restart();
    expect(await queue.deliver([remove('m2', given)])).toEqual([]);
    isChecking = true;
    deleting.release();
    await checking.reached;
    seed(given);
    checking.release();
    expect(await slower).toEqual(['m1']);
    queue.later(6_000);
    expect(await queue.deliver([again(remove('m1', given))])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(codes()).toEqual([]);
  });

  it('the slower one comes back while a lagging look-up still shows the record, though the other lost its answer', async () => {
    const { through, reached, release } = holding(isDelete);
    const lost = losing(isDelete);
    const switches = { lookupLagMs: 5_000 };
    await start({ instance: { switches }, through: (client) => through(lost(client)) });
    seed(given);
    queue.later(6_000);
    const slower = queue.deliver([remove('m1', given)]);
    await reached;
    queue.restart();
    expect(await queue.deliver([remove('m2', given)])).toEqual(['m2']);
    release();
    expect(await slower).toEqual(['m1']);
    queue.later(2 * overMs);
    expect(await queue.deliver([again(remove('m1', given)), again(remove('m2', given))])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(codes()).toEqual([]);
  });

  it('none counts as done before it is remembered that the record is gone', async () => {
    let isAway = true;
    await start({
      throughTable: (table) => ({
        ...table,
        async update(key, change, condition, call) {
          if (isAway && change.set?.['deletingUntilMs'] === 0) throw new StateUnavailableError('away');
          return table.update(key, change, condition, call);
        },
      }),
    });
    seed(given);
    expect(await queue.deliver([remove('m1', given)])).toEqual(['m1']);
    isAway = false;
    seed(given);
    queue.restart();
    queue.later(2 * overMs);
    expect(await queue.deliver([again(remove('m1', given))])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(codes()).toEqual([]);
  });
});

describe('a delete', () => {
  it('that finds nothing though the record is shown is refused once that has lasted a while', async () => {
    await start();
    seed(given);
    const json = { error: { message: 'No Record found', detail: null }, status: 'failure' };
    const notFound = { match: { method: 'DELETE' }, action: 'answer', status: 404, json, count: 9 } as const;
    queue.instance.control.faults.add(notFound);
    expect(await queue.deliver([remove('m1', given)])).toEqual(['m1']);
    expect(queue.hidden.get('receipt-m1')).toBe(5);
    queue.later(6_000);
    expect(await queue.deliver([again(remove('m1', given))])).toEqual([]);
    expect(codes()).toEqual(['RECORD_NOT_FOUND']);
    queue.instance.state.store.remove('incident', given);
    expect(await queue.deliver([remove('m2', given)])).toEqual([]);
    expect(codes()).toEqual(['RECORD_NOT_FOUND', 'RECORD_NOT_FOUND']);
  });

  it('whose record a lagging look-up does not show yet is no dead letter when its answer is lost', async () => {
    const switches = { lookupLagMs: 5_000, lookupLagOnGet: true };
    await start({ instance: { switches }, through: losing(({ method }) => method === 'DELETE') });
    await queue.deliver([createOf('m1')]);
    await queue.deliver([remove('m2')]);
    queue.restart();
    queue.later(2 * overMs);
    expect(await queue.deliver([again(remove('m2'))])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(codes()).toEqual([]);
  });

  it('that the instance refuses as not found goes to the dead-letter queue, although one before was done', async () => {
    await start();
    await queue.deliver([createOf('m1'), remove('m2')]);
    seed(made);
    const json = { error: { message: 'No Record found', detail: null }, status: 'failure' };
    queue.instance.control.faults.add({
      ...{ match: { method: 'DELETE' }, action: 'answer' },
      ...{ status: 404, json, count: 5 },
    });
    expect(await queue.deliver([remove('m3')])).toEqual(['m3']);
    queue.later(6_000);
    expect(await queue.deliver([again(remove('m3'))])).toEqual([]);
    expect(codes()).toEqual(['RECORD_NOT_FOUND']);
    expect(incidents()).toHaveLength(1);
  });
});

describe('a write under the key that has created its record', () => {
  const keyed = (message: TestMessage): TestMessage => ({ ...message, key: 'k' });

  it('is carried out, and the record stays deleted', async () => {
    await start();
    await queue.deliver([createOf('m1')]);
    expect(await queue.deliver([keyed(remove('m2'))])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([again(keyed(remove('m2'))), update('m3', made, { urgency: '1' })])).toEqual(
      [],
    );
    expect(codes()).toEqual([]);
    expect(await queue.deliver([again(createOf('m1'))])).toEqual([]);
    expect(codes()).toEqual(['KEY_REUSED']);
    expect(incidents()).toEqual([]);
  });

  it('keeps deletes away from a record whose create may still be running', async () => {
    const { through, finish } = runningLate(isPost);
    await start({ through });
    expect(await queue.deliver([createOf('m1')])).toEqual([]);
    expect(await queue.deliver([keyed(update('m2', made, { urgency: '1' }))])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([remove('m3')])).toEqual(['m3']);
    await finish();
    queue.later(overMs);
    expect(await queue.deliver([again(remove('m3'))])).toEqual([]);
    expect(incidents()).toEqual([]);
  });

  it('may be sent again once the instance has refused it', async () => {
    await start();
    await queue.deliver([createOf('m1')]);
    queue.instance.control.rules.add({ table: 'incident', action: 'abort', on: ['update'] });
    expect(await queue.deliver([keyed(update('m2', made, { urgency: '1' }))])).toEqual([]);
    expect(codes()).toEqual(['BUSINESS_RULE']);
    queue.instance.control.rules.clear();
    expect(await queue.deliver([keyed(update('m2', made, { urgency: '1' }))])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '1' }]);
  });
});

describe('an update', () => {
  it.each([
    ['was on its way', ({ method }: { readonly method: string }) => method === 'PATCH'],
    ['had just begun', ({ path }: { readonly path: string }) => path.includes('sys_dictionary')],
  ])('that %s when its record was deleted is no dead letter', async (_when, isHeld) => {
    const { through, reached, release } = holding(isHeld);
    await start({ through });
    seed(given);
    const late = queue.deliver([update('m1', given, { urgency: '1', work_notes: 'seen' })]);
    await reached;
    queue.restart();
    expect(await queue.deliver([remove('m2', given)])).toEqual([]);
    release();
    expect(await late).toEqual([]);
    expect(codes()).toEqual([]);
    queue.restart();
    expect(await queue.deliver([again(update('m1', given, { urgency: '1', work_notes: 'seen' }))])).toEqual(
      [],
    );
    expect(codes()).toEqual([]);
  });

  it('whose answer was lost, and whose record was deleted then, is no dead letter, though the journal cannot be read', async () => {
    await start({ through: losing(({ method }) => method === 'PATCH') });
    seed(given);
    const { faults } = queue.instance.control;
    const hidden = { headers: { 'x-total-count': '1' }, json: { result: [] } };
    const match = { path: '/api/now/table/sys_journal_field' };
    faults.add({ match, action: 'answer', status: 200, ...hidden, count: 9 });
    const noted = update('m1', given, { work_notes: 'seen' });
    expect(await queue.deliver([noted])).toEqual(['m1']);
    queue.later(2 * overMs);
    expect(await queue.deliver([remove('m2', given)])).toEqual([]);
    expect(await queue.deliver([again(noted)])).toEqual([]);
    expect(codes()).toEqual([]);
  });
});

describe('a record that was deleted', () => {
  it('is not made again by a copy of its create that had begun before', async () => {
    let isHeld = false;
    const { through, reached, release } = holding((request) => isHeld && isPost(request));
    await start({ through });
    await queue.deliver([createOf('m1')]);
    isHeld = true;
    const late = queue.deliver([createOf('m2')]);
    await reached;
    queue.restart();
    expect(await queue.deliver([remove('m3')])).toEqual([]);
    release();
    expect(await late).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(codes()).toEqual([]);
  });

  it('is not made again by such a copy while the delete has not come to its end either', async () => {
    let isHeld = false;
    const { through, reached, release } = holding((request) => isHeld && isPost(request));
    const ending = holdingChange('never');
    await start({ through, throughTable: ending.throughTable });
    await queue.deliver([createOf('m1')]);
    isHeld = true;
    const late = queue.deliver([createOf('m2')]);
    await reached;
    queue.restart();
    // The process of the delete dies once the instance has carried it out.
    const { store } = queue.instance.state;
    const table = queue.state.table;
    await table.update(
      { pk: `record#${deployment}/default#${made}`, sk: '-' },
      {
        set: {
          isDeleted: true,
          deletingUntilMs: Date.now() + 2 * overMs,
          deletedBy: 'x',
          deletedAtMs: Date.now(),
        },
      },
    );
    store.remove('incident', made);
    release();
    expect(await late).toEqual(['m2']);
    expect(await queue.deliver([again(remove('m3'))])).toEqual([]);
    expect(await queue.deliver([again(createOf('m2'))])).toEqual([]);
    expect(incidents()).toEqual([]);
  });

  it('is not made again by a copy whose process dies before it looks: the delete waits for it', async () => {
    let isHeld = false;
    const { through, reached, release } = holding((request) => isHeld && isPost(request));
    const sent = Promise.withResolvers<void>();
    const dying = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        const answer = through(client).send(request, context);
        if (!isHeld || !isPost(request)) return answer;
        await answer.catch(() => undefined);
        sent.resolve();
        return new Promise<never>(() => {});
      },
    });
    await start({ through: dying });
    await queue.deliver([createOf('m1')]);
    isHeld = true;
    void queue.deliver([again(createOf('m2'))]);
    await reached;
    queue.restart();
    expect(await queue.deliver([remove('m3')])).toEqual(['m3']);
    expect(queue.hidden.get('receipt-m3')).toBe(5);
    release();
    await sent.promise;
    queue.later(overMs);
    expect(await queue.deliver([again(remove('m3'))])).toEqual(['m3']);
    queue.later(overMs);
    expect(await queue.deliver([again(remove('m3'))])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(codes()).toEqual([]);
  });

  it('is deleted a few seconds after a copy of its create has ended that the delete has met', async () => {
    let isHeld = false;
    const { through, reached, release } = holding((request) => isHeld && isPost(request));
    await start({ through });
    await queue.deliver([createOf('m1')]);
    isHeld = true;
    const copy = queue.deliver([again(createOf('m1'))]);
    await reached;
    queue.restart();
    expect(await queue.deliver([remove('m3')])).toEqual(['m3']);
    expect(queue.hidden.get('receipt-m3')).toBe(5);
    release();
    expect(await copy).toEqual([]);
    queue.later(5_000);
    expect(await queue.deliver([again(remove('m3'))])).toEqual([]);
    expect([incidents(), codes()]).toEqual([[], []]);
  });

  it('is deleted at once after a copy of its create has ended', async () => {
    await start();
    await queue.deliver([createOf('m1')]);
    expect(await queue.deliver([again(createOf('m1'))])).toEqual([]);
    expect(await queue.deliver([remove('m2')])).toEqual([]);
    expect(incidents()).toEqual([]);
  });

  it('is not made again by a copy of its create whose process died', async () => {
    await start();
    await queue.deliver([createOf('m1')]);
    await queue.deliver([remove('m2')]);
    queue.later(2_000);
    seed(made, { short_description: 'made by the copy' });
    queue.restart();
    expect(await queue.deliver([again(createOf('m1'))])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(queue.logged.map(({ event }) => event)).toContain('made-again-removed');
  });

  it('stays when a person has restored it, and its create is delivered again', async () => {
    await start();
    await queue.deliver([createOf('m1')]);
    const [before] = incidents();
    queue.later(3_600_000);
    await queue.deliver([remove('m2')]);
    seed(made, { sys_created_on: String(before?.['sys_created_on']) });
    expect(await queue.deliver([again(createOf('m1')), { ...createOf('m3') }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
  });

  it('stays when a person has restored it at once: it has its number', async () => {
    await start();
    await queue.deliver([createOf('m1')]);
    const [before] = incidents();
    await queue.deliver([remove('m2')]);
    const { sys_created_on, number } = before ?? {};
    seed(made, { sys_created_on: String(sys_created_on), number: String(number) });
    expect(await queue.deliver([again(createOf('m1')), { ...createOf('m3') }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
  });

  it('is not made again by a copy of its create whose answer was lost: the delete waits for it', async () => {
    const { through, finish } = runningLate(isPost);
    await start({ through });
    expect(await queue.deliver([createOf('m1')])).toEqual([]);
    expect(await queue.deliver([remove('m2')])).toEqual(['m2']);
    expect(queue.hidden.get('receipt-m2')).toBeGreaterThan(50);
    await finish();
    queue.later(overMs);
    expect(await queue.deliver([again(remove('m2'))])).toEqual([]);
    expect(incidents()).toEqual([]);
  });

  it.each(['through the Batch API', 'alone'])(
    'is not made again by such a create that went %s',
    async (way) => {
      const isAlone = way === 'alone';
      const { through, finish } = runningLate(isPost);
      await start({ through, environment: { RECORDS_BATCH_API: String(!isAlone) } });
      const others = isAlone ? [] : [create('other')];
      // Without a key of its own: no repeat of it is expected.
      expect(await queue.deliver([create('m1'), ...others])).toEqual([]);
      const sysId = deriveSysId(deployment, 'incident', 'm1');
      expect(await queue.deliver([remove('m2', sysId)])).toEqual(['m2']);
      await finish();
      queue.later(overMs);
      expect(await queue.deliver([again(remove('m2', sysId))])).toEqual([]);
      expect(incidents()).toHaveLength(others.length);
    },
  );

  it('is not made again where the instance says after a lost answer that the record is there', async () => {
    await start({ through: losing(isPost) });
    expect(await queue.deliver([createOf('m1')])).toEqual([]);
    expect(await queue.deliver([remove('m2')])).toEqual(['m2']);
    queue.later(overMs);
    expect(await queue.deliver([again(remove('m2'))])).toEqual([]);
    expect(incidents()).toEqual([]);
  });

  it.each([
    ['a create', createOf, made],
    ['an upsert', upsert, upserted()],
  ] as const)(
    'is not made again where the delete was faster than the note that %s is in doubt',
    async (_what, write, sysId) => {
      const { through, finish } = runningLate(isPost);
      const doubt = holdingChange('creatingUntilMs');
      await start({ through, throughTable: doubt.throughTable });
      const first = queue.deliver([write('m1')]);
      await doubt.reached;
      queue.restart();
      expect(await queue.deliver([remove('m2', sysId)])).toEqual([]);
      doubt.release();
      expect(await first).toEqual(['m1']);
      queue.later(2_000);
      await finish();
      expect(incidents()).toHaveLength(1);
      queue.later(2 * overMs);
      queue.restart();
      expect(await queue.deliver([again(write('m1'))])).toEqual([]);
      expect(incidents()).toEqual([]);
      expect(codes()).toEqual([]);
    },
  );

  it('is not made again where the note that its create is in doubt comes between look and delete', async () => {
    const { through, reached, release } = holding(({ method }) => method === 'GET');
    const late = runningLate(isPost);
    await start({ through: (client) => through(late.through(client)) });
    seed(made);
    const deleting = queue.deliver([remove('m2')]);
    await reached;
    queue.instance.state.store.remove('incident', made);
    queue.restart();
    expect(await queue.deliver([createOf('m1')])).toEqual([]);
    release();
    expect(await deleting).toEqual(['m2']);
    queue.later(overMs);
    await late.finish();
    expect(await queue.deliver([again(remove('m2'))])).toEqual([]);
    expect(incidents()).toEqual([]);
  });

  it('is not made again by its upsert, whose first copy was still running: the delete waits for it', async () => {
    const { through, finish } = runningLate(isPost);
    await start({ through });
    expect(await queue.deliver([upsert('m1')])).toEqual([]);
    expect(await queue.deliver([remove('m2', upserted())])).toEqual(['m2']);
    await finish();
    queue.later(overMs);
    expect(await queue.deliver([again(remove('m2', upserted()))])).toEqual([]);
    expect(incidents()).toEqual([]);
  });

  it('gives its number to no other upsert of the match, though that one had begun before', async () => {
    let isHeld = false;
    const { through, reached, release } = holding(({ method }) => isHeld && method === 'GET');
    await start({ through });
    await queue.deliver([upsert('m1')]);
    isHeld = true;
    const late = queue.deliver([upsert('m2')]);
    await reached;
    queue.restart();
    expect(await queue.deliver([remove('m3', upserted())])).toEqual([]);
    release();
    expect(await late).toEqual([]);
    expect(incidents()).toMatchObject([{ sys_id: upserted(1) }]);
    expect(await queue.deliver([again(upsert('m1'))])).toEqual([]);
    expect(incidents()).toHaveLength(1);
  });

  it('is not made again on a FIFO queue: create and delete come in one batch, and the answer to the create is lost', async () => {
    await start({ through: losing(isPost) });
    const both = [{ ...createOf('m1'), group: 'g' }, remove('m2', made, { group: 'g' })];
    expect(await queue.deliver(both)).toEqual(['m2']);
    queue.later(overMs);
    expect(await queue.deliver(both.map(again))).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(codes()).toEqual([]);
  });
});
