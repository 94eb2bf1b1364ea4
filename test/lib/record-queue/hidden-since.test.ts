import { describe, expect, it } from 'vitest';
import { correlationIdOf, deriveUpsertSysId } from '../../../lib/operations/identity.ts';
import type { ServiceNowClient, ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';
import type { QueueOptions, TestMessage } from './emulated-queue.ts';
import { deployment, incidents, queue, start } from './writing.ts';

const isPost = ({ method, path }: ServiceNowRequest) => method === 'POST' && !path.endsWith('/batch');

describe('an upsert whose earlier record was closed, which hides it from the user', () => {
  const match = { correlation_id: 'x', active: 'true' };
  const upsert = (id: string, short_description: string): TestMessage => ({
    ...{ id, key: id },
    body: { action: 'upsert', table: 'incident', match, record: { short_description } },
  });
  /** Hides closed records, and lets a person close the first. */
  async function startClosed(options: QueueOptions = {}) {
    await start({ roles: ['itil'], ...options });
    const { auth, store } = queue.instance.state;
    auth.access.add({ table: 'incident', operation: 'read', where: { active: 'true' } });
    expect(await queue.deliver([upsert('m1', 'first')])).toEqual([]);
    const closed = { active: 'false', state: '7', close_code: 'Solution provided', close_notes: 'Done' };
    const person = { userName: 'a.person', sysId: '0'.repeat(32) };
    store.update('incident', deriveUpsertSysId(deployment, 'incident', match, 0), closed, person);
  }
  const descriptions = () =>
    incidents()
      .map(({ short_description }) => short_description)
      .toSorted();

  it('makes the next one, however long ago that was', async () => {
    await startClosed();
    queue.later(3_600_000);
    expect(await queue.deliver([upsert('m2', 'second')])).toEqual([]);
    queue.later(31 * 86_400_000);
    expect(await queue.deliver([upsert('m3', 'third')])).toEqual([]);
    expect(descriptions()).toEqual(['first', 'third']);
    expect(queue.deadLetters).toEqual([]);
  });

  it.each([3_600_000, 31 * 86_400_000])(
    'makes the next one though an answer is lost after %i ms',
    async (ms) => {
      let isLost = false;
      const through = (client: ServiceNowClient): ServiceNowClient => ({
        ...client,
        async send(request, context) {
          if (!isLost || !isPost(request)) return client.send(request, context);
          isLost = false;
          await client.send(request, context).catch(() => undefined);
          const { method, path } = request;
          throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
        },
      });
      await startClosed({ through });
      queue.later(ms);
      isLost = true;
      for (let receiveCount = 1; receiveCount < 6; receiveCount += 1) {
        await queue.deliver([{ ...upsert('m2', 'second'), receiveCount }]);
        queue.later(180_000);
      }
      expect(descriptions()).toEqual(['first', 'second']);
      expect(queue.deadLetters).toEqual([]);
    },
  );

  it('is a dead letter where the record that the user may not read still matches', async () => {
    await start({ roles: ['itil'] });
    const { auth, store } = queue.instance.state;
    auth.access.add({ table: 'incident', operation: 'read', roles: ['reader'] });
    store.seed('incident', { correlation_id: 'x', active: 'true' });
    expect(await queue.deliver([upsert('m1', 'first')])).toEqual([]);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'INVALID_INPUT' } }]);
  });
});

describe('an upsert in a table that refuses a given sys_id, whose record was made late, and closed and hidden at once', () => {
  it.each([
    ['makes no other', true],
    ['is carried out where it never arrived', false],
  ])('%s', async (_what, isMade) => {
    let commit: (() => Promise<unknown>) | undefined;
    const through = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        const isCreate = isPost(request) && JSON.stringify(request.body).includes('second');
        if (commit || !isCreate) return client.send(request, context);
        commit = () => client.send(request);
        const { method, path } = request;
        throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
      },
    });
    const environment = { CORRELATION_ID_TABLES: 'incident', RECORDS_BATCH_API: 'false' };
    await start({ roles: ['itil'], environment, through });
    const { auth, store } = queue.instance.state;
    auth.access.add({ table: 'incident', operation: 'read', where: { active: 'true' } });
    const match = { correlation_id: 'x', active: 'true' };
    const upsert = (id: string): TestMessage => ({
      id,
      body: { action: 'upsert', table: 'incident', match, record: { short_description: id } },
    });
    const person = { userName: 'a.person', sysId: '0'.repeat(32) };
    const closeAll = () => {
      for (const { sys_id } of incidents())
        store.update('incident', String(sys_id), { active: 'false' }, person);
    };
    expect(await queue.deliver([upsert('first')])).toEqual([]);
    closeAll();
    queue.later(130_000);
    expect(await queue.deliver([upsert('second')])).toEqual(['second']);
    if (isMade) await commit?.();
    closeAll();
    queue.later(95_000);
    expect(await queue.deliver([{ ...upsert('second'), receiveCount: 2 }])).toEqual([]);
    expect(incidents().filter(({ short_description }) => short_description === 'second')).toHaveLength(1);
    expect(incidents()).toHaveLength(2);
    expect(queue.deadLetters).toEqual([]);
  });
});

describe('an upsert in a table that refuses a given sys_id, after whose lost answer a person closed its record', () => {
  it.each([
    { isMade: true, isHidden: false },
    { isMade: true, isHidden: true },
    { isMade: false, isHidden: false },
    { isMade: false, isHidden: true },
  ])('is known though another has made the next record since: %o', async ({ isMade, isHidden }) => {
    let state: 'well' | 'losing' | 'away' = 'losing';
    const through = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        const { method, path } = request;
        const lost = new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
        if (state === 'away') throw lost;
        if (state === 'well' || !isPost(request)) return client.send(request, context);
        state = 'away';
        if (isMade) await client.send(request, context);
        for (const { sys_id } of incidents())
          store.update('incident', String(sys_id), { active: 'false' }, person);
        throw lost;
      },
    });
    const environment = { CORRELATION_ID_TABLES: 'incident', RECORDS_BATCH_API: 'false' };
    await start({ roles: ['itil'], environment, through });
    const { auth, store } = queue.instance.state;
    const person = { userName: 'a.person', sysId: '0'.repeat(32) };
    if (isHidden) auth.access.add({ table: 'incident', operation: 'read', where: { active: 'true' } });
    const match = { correlation_id: 'x', active: 'true' };
    const upsert = (id: string, column: string): TestMessage => ({
      ...{ id, key: id },
      body: { action: 'upsert', table: 'incident', match, record: { [column]: id } },
    });
    expect(await queue.deliver([upsert('first', 'description')])).toEqual(['first']);
    state = 'well';
    queue.restart();
    queue.later(200_000);
    expect(await queue.deliver([upsert('second', 'close_notes')])).toEqual([]);
    queue.restart();
    queue.later(100_000);
    expect(await queue.deliver([{ ...upsert('first', 'description'), receiveCount: 2 }])).toEqual([]);
    const shown = incidents().map(({ description, close_notes }) => `${description}/${close_notes}`);
    expect(shown.toSorted()).toEqual(isMade ? ['/second', 'first/'] : ['first/second']);
    expect(queue.deadLetters).toEqual([]);
  });

  it('does not take the record of a create for its own that came right after its time', async () => {
    let isAway = true;
    const through = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        const { method, path } = request;
        if (!isAway || !isPost(request)) return client.send(request, context);
        queue.later(50_000);
        throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
      },
    });
    const environment = { CORRELATION_ID_TABLES: 'incident', RECORDS_BATCH_API: 'false' };
    await start({ environment, through });
    const correlation_id = correlationIdOf(deployment, 'incident', 'made');
    const upsert: TestMessage = {
      ...{ id: 'first', key: 'first' },
      body: {
        action: 'upsert',
        table: 'incident',
        match: { correlation_id },
        record: { description: 'first' },
      },
    };
    const create: TestMessage = {
      ...{ id: 'made', key: 'made' },
      body: { action: 'create', table: 'incident', record: { close_notes: 'made' } },
    };
    expect(await queue.deliver([upsert])).toEqual(['first']);
    isAway = false;
    let receiveCount = 1;
    while ((await queue.deliver([{ ...create, receiveCount }])).length > 0) {
      receiveCount += 1;
      expect(receiveCount).toBeLessThan(100);
      queue.later(5_000);
    }
    queue.restart();
    queue.later(100_000);
    expect(await queue.deliver([{ ...upsert, receiveCount: 2 }])).toEqual([]);
    expect(incidents().map(({ description, close_notes }) => `${description}/${close_notes}`)).toEqual([
      'first/made',
    ]);
    expect(queue.deadLetters).toEqual([]);
  });
});

describe('a write whose answer was lost, and whose record a person closed then, which hides it from the user', () => {
  const given = 'd'.repeat(32);
  const writes: Readonly<Record<string, object>> = {
    update: { action: 'update', sysId: given },
    upsert: { action: 'upsert', match: { correlation_id: 'x', active: 'true' } },
  };

  it.each([
    { action: 'update', isMade: true, incidentsLeft: 1, letters: [] },
    { action: 'upsert', isMade: true, incidentsLeft: 1, letters: [] },
    { action: 'update', isMade: false, incidentsLeft: 1, letters: ['RECORD_NOT_FOUND'] },
    { action: 'upsert', isMade: false, incidentsLeft: 2, letters: [] },
  ])('$action, made: $isMade', async ({ action, isMade, incidentsLeft, letters }) => {
    await deliverLost(action, isMade, { short_description: 'Disk, 95 %^ full', impact: 2, close_notes: '' });
    expect(incidents()).toHaveLength(incidentsLeft);
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorCode'])).toEqual(letters);
  });

  it.each([
    { action: 'update', isMade: true, incidentsLeft: 1, letters: [] },
    { action: 'upsert', isMade: true, incidentsLeft: 1, letters: [] },
    { action: 'update', isMade: false, incidentsLeft: 1, letters: ['RECORD_NOT_FOUND'] },
    { action: 'upsert', isMade: false, incidentsLeft: 2, letters: [] },
  ])('$action of several lines, made: $isMade', async ({ action, isMade, incidentsLeft, letters }) => {
    await deliverLost(action, isMade, {
      short_description: 'was',
      description: 'Disk full:\r\n\t95 %^\n\n/dev/sda',
    });
    expect(incidents()).toHaveLength(incidentsLeft);
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorCode'])).toEqual(letters);
  });

  it.each([
    { action: 'update', letters: ['RECORD_NOT_FOUND'] },
    { action: 'upsert', letters: [] },
  ])(
    '$action that the instance cannot be asked for as a whole does not pass for made',
    async ({ action, letters }) => {
      await deliverLost(action, false, { short_description: 'was', description: 'javascript: x' });
      expect(incidents()).toHaveLength(action === 'update' ? 1 : 2);
      expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorCode'])).toEqual(letters);
    },
  );

  async function deliverLost(action: string, isMade: boolean, record: object) {
    let isLost = true;
    const through = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (!isLost || request.method !== 'PATCH') return client.send(request, context);
        isLost = false;
        if (isMade) await client.send(request, context);
        closeAndHide();
        const { method, path } = request;
        throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
      },
    });
    await start({ roles: ['itil'], environment: { RECORDS_BATCH_API: 'false' }, through });
    const { auth, store } = queue.instance.state;
    auth.access.add({ table: 'incident', operation: 'read', where: { active: 'true' } });
    store.seed('incident', { sys_id: given, correlation_id: 'x', active: 'true', short_description: 'was' });
    const person = { userName: 'a.person', sysId: '0'.repeat(32) };
    const closeAndHide = () => store.update('incident', given, { active: 'false' }, person);
    const message: TestMessage = { id: 'm1', body: { table: 'incident', record, ...writes[action] } };
    for (let receiveCount = 1; ; receiveCount += 1) {
      if ((await queue.deliver([{ ...message, receiveCount }])).length === 0) break;
      queue.restart();
      queue.later(61_000);
    }
  }
});
