import { describe, expect, it } from 'vitest';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';
import type { TestMessage } from './emulated-queue.ts';
import { deployment, holding, incidents, journal, losing, queue, start, times } from './writing.ts';

const sysId = 'a'.repeat(32);
const store = () => queue.instance.state.store;
const upsert = (id: string, match: object, record: object): TestMessage => ({
  id,
  body: { action: 'upsert', table: 'incident', match, record },
});

/** A client whose first update does not reach the instance. */
function losingFirstUpdate(client: ServiceNowClient): ServiceNowClient {
  let isFirst = true;
  return {
    ...client,
    async send(request, context) {
      if (!isFirst || request.method !== 'PATCH') return client.send(request, context);
      isFirst = false;
      const { method, path } = request;
      throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
    },
  };
}

describe('an upsert whose answer was lost, and whose record a person has closed since', () => {
  const person = { userName: 'a.person', sysId: '0'.repeat(32) };
  const match = { correlation_id: 'x', active: 'true' };

  /** Delivers it twice; the record is closed in between. */
  async function deliverTwice(record: object, through: (client: ServiceNowClient) => ServiceNowClient) {
    await start({ through });
    store().seed('incident', { sys_id: sysId, ...match, urgency: '3', category: 'network' });
    const message = upsert('m1', match, record);
    await queue.deliver([message]);
    store().update('incident', sysId, { active: 'false' }, person);
    queue.later(61_000);
    expect(await queue.deliver([{ ...message, receiveCount: 2 }])).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
  }
  const records = [{ urgency: '1' }, { work_notes: 'again' }, { urgency: '1', work_notes: 'again' }];

  it.each(records)('makes the next record, and leaves that one, as it never arrived: %o', async (record) => {
    await deliverTwice(record, losingFirstUpdate);
    expect(store().find('incident', sysId)).toMatchObject({ urgency: '3', active: 'false' });
    expect(journal(sysId)).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });

  it('makes none, as it has written that one before, though an older upsert was carried out after it', async () => {
    const held: (() => Promise<unknown>)[] = [];
    let isAway = false;
    const through = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        const { method, path } = request;
        if (method !== 'PATCH' && !isAway) return client.send(request, context);
        if (JSON.stringify(request.body).includes('older')) held.push(() => client.send(request));
        else if (method === 'PATCH') await client.send(request, context);
        isAway = true;
        throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
      },
    });
    await start({ through, environment: { RECORDS_BATCH_API: 'false' } });
    store().seed('incident', { sys_id: sysId, ...match });
    const older = upsert('m1', match, { short_description: 'older' });
    const newer = upsert('m2', match, { short_description: 'newer', description: 'newer' });
    expect(await queue.deliver([older])).toEqual(['m1']);
    isAway = false;
    queue.later(40_000);
    queue.restart();
    // Its process has died before it could remember the doubt, and its first copy is carried out last of all.
    await queue.state.table.delete({ pk: `record#${deployment}/default#${sysId}`, sk: '-' });
    expect(await queue.deliver([newer])).toEqual(['m2']);
    isAway = false;
    await held.shift()?.();
    store().update('incident', sysId, { active: 'false' }, person);
    queue.later(130_000);
    queue.restart();
    expect(await queue.deliver([{ ...newer, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toMatchObject([{ sys_id: sysId, active: 'false', description: 'newer' }]);
    expect(queue.deadLetters).toEqual([]);
  });

  it.each(records)('makes none, as it has written that one before: %o', async (record) => {
    await deliverTwice(
      record,
      losing(({ method }) => method === 'PATCH'),
    );
    const urgency = 'urgency' in record ? '1' : '3';
    expect(incidents()).toMatchObject([{ sys_id: sysId, active: 'false', urgency }]);
    expect(journal(sysId)).toHaveLength('work_notes' in record ? 1 : 0);
  });

  it.each([
    { urgency: '1', u_nothere: '1' },
    { short_description: 'x'.repeat(200) },
    { urgency: '01' },
    { category: { name: 'network' } },
  ])('makes none either where the instance does not hold what it wrote word for word: %o', async (record) => {
    await deliverTwice(
      record,
      losing(({ method }) => method === 'PATCH'),
    );
    expect(incidents()).toMatchObject([{ sys_id: sysId, active: 'false' }]);
  });

  it('writes the same record once more where its own values take it away from its match', async () => {
    await start({ through: losingFirstUpdate });
    store().seed('incident', { sys_id: sysId, ...match, category: 'network' });
    const message = upsert('m1', match, { correlation_id: 'y', category: 'hardware' });
    expect(await queue.deliver([message])).toEqual(['m1']);
    store().update('incident', sysId, { correlation_id: 'y' }, person);
    queue.later(61_000);
    expect(await queue.deliver([{ ...message, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toMatchObject([{ correlation_id: 'y', category: 'hardware' }]);
  });
});

describe('upserts of one batch', () => {
  it('wait for none that is itself behind a slow one and finds another record', async () => {
    const held = holding(({ body }) => JSON.stringify(body ?? {}).includes('slow'));
    await start({ through: held.through, environment: { RECORDS_BATCH_API: 'false' } });
    store().seed('incident', { sys_id: sysId, correlation_id: 'x', number: 'INC7' });
    const others = times(5).map((index) => upsert(`o${index}`, { correlation_id: `o${index}` }, {}));
    const delivered = queue.deliver([
      upsert('m1', { correlation_id: 'x' }, { work_notes: 'slow', urgency: '3' }),
      upsert('m2', { correlation_id: 'x' }, { urgency: '2' }),
      ...others,
      upsert('m3', { number: 'INC7' }, { urgency: '1' }),
    ]);
    await held.reached;
    await expect.poll(() => incidents().length, { timeout: 60_000 }).toBe(6);
    held.release();
    expect(await delivered).toEqual([]);
    expect(store().find('incident', sysId)).toMatchObject({ urgency: '1' });
  });
});

it('an upsert touches no record whose column is empty, where the instance takes its value for none', async () => {
  const takingForNone = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    send(request, context) {
      const query = new URLSearchParams(request.query);
      const asked = query.get('sysparm_query');
      if (asked !== null) query.set('sysparm_query', asked.replace('=NULL', 'ISEMPTY'));
      return client.send(request.query ? { ...request, query } : request, context);
    },
  });
  await start({ through: takingForNone, environment: { RECORDS_BATCH_API: 'false' } });
  store().seed('incident', { sys_id: sysId, urgency: '3' });
  expect(await queue.deliver([upsert('m1', { correlation_id: 'NULL' }, { urgency: '1' })])).toEqual([]);
  expect(incidents()).toMatchObject([{ sys_id: sysId, urgency: '3' }]);
  expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage'])).toEqual([
    expect.stringContaining('match.correlation_id: finds a record whose column is empty'),
  ]);
});

it('an upsert that never arrived takes no record of another whose answer was lost, where the instance chooses its sys_id', async () => {
  let posts = 0;
  const through = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      if (request.method !== 'POST') return client.send(request, context);
      posts += 1;
      if (posts > 2) return client.send(request, context);
      if (posts === 1) await client.send(request, context);
      const { method, path } = request;
      throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
    },
  });
  const environment = { CORRELATION_ID_TABLES: 'incident', RECORDS_BATCH_API: 'false' };
  await start({ through, environment });
  const match = { correlation_id: 'x', active: 'true' };
  expect(await queue.deliver([upsert('m1', match, { urgency: '1' })])).toEqual([]);
  const [made] = incidents();
  store().update('incident', String(made?.['sys_id']), { active: 'false' }, { userName: 'a', sysId: 'a' });
  queue.later(130_000);
  const second = upsert('m2', match, { urgency: '2' });
  await queue.deliver([second]);
  queue.later(130_000);
  expect(await queue.deliver([{ ...second, receiveCount: 2 }])).toEqual([]);
  expect(
    incidents()
      .map(({ urgency }) => urgency)
      .toSorted(),
  ).toEqual(['1', '2']);
});
