import { describe, expect, it } from 'vitest';
import { correlationIdOf } from '../../../lib/operations/identity.ts';
import type { ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import type { QueueOptions, TestMessage } from './emulated-queue.ts';
import {
  create,
  deployment,
  holding,
  incidents,
  journal,
  losing,
  losingWrites,
  queue,
  start,
} from './writing.ts';

/** The user may create and update incidents, but read none. */
async function startBlind(options: QueueOptions = {}) {
  await start({ roles: ['itil'], ...options });
  queue.instance.state.auth.access.add({ table: 'incident', operation: 'read', roles: ['reader'] });
}

const correlated = { environment: { CORRELATION_ID_TABLES: 'incident' } };
const made: TestMessage = { ...create('m1'), key: 'k' };
const isPost = ({ method, path }: ServiceNowRequest) => method === 'POST' && !path.endsWith('/batch');

const startMs = Date.now() - 86_400_000;
const signal = (kind: string, atSeconds: number, more: object = {}): TestMessage => ({
  id: `${kind}-${atSeconds}`,
  group: 'g',
  body: {
    ...{ action: 'signal', signal: kind, source: 'disk', key: 'web-01', eventId: `e${atSeconds}` },
    at: new Date(startMs + atSeconds * 1000).toISOString(),
    fields: { short_description: 'Disk full' },
    resolve: { state: '6', close_code: 'Solution provided', close_notes: 'Recovered' },
    ...more,
  },
});

describe.each([
  ['a table that honours a given sys_id', {}],
  ['a table of correlationIdTables', correlated],
])('a record that the user may create but not read, in %s', (_name, options) => {
  it('is made once and reported as written', async () => {
    await startBlind(options);
    expect(await queue.deliver([made])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([{ ...made, receiveCount: 2 }])).toEqual([]);
    expect(await queue.deliver([{ ...made, id: 'm2' }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
    expect(queue.counted).toEqual(['Deduplicated', 'Deduplicated']);
  });

  it('is made once though the answer is lost', async () => {
    await startBlind({ ...options, through: losing(isPost) });
    await queue.deliver([made]);
    queue.later(180_000);
    expect(await queue.deliver([{ ...made, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is made once though what the answer said could not be remembered', async () => {
    const { switched, throughTable } = losingWrites((text) => text.includes('"applied"'));
    await startBlind({ ...options, throughTable });
    await queue.deliver([made]);
    switched.on = false;
    queue.restart();
    queue.later(180_000);
    expect(await queue.deliver([{ ...made, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is made by an upsert and reported as written', async () => {
    await startBlind(options);
    const asked = {
      id: 'm1',
      key: 'k',
      body: {
        action: 'upsert',
        table: 'incident',
        match: { correlation_display: 'x' },
        record: { urgency: '1' },
      },
    };
    expect(await queue.deliver([asked])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([{ ...asked, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '1', correlation_display: 'x' }]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is a dead letter with its reason when a rule refuses it', async () => {
    await startBlind(options);
    queue.instance.control.rules.add({ table: 'incident', action: 'abort' });
    expect(await queue.deliver([made])).toEqual([]);
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorCode'])).toEqual(['BUSINESS_RULE']);
    expect(incidents()).toEqual([]);
  });
});

describe('a record that the user may create but not read, in a table that ignores a given sys_id and is not listed', () => {
  const ignoring = { instance: { switches: { ignoreGivenSysIdOn: ['incident'] } } };
  const upsert: TestMessage = {
    id: 'm1',
    key: 'k',
    body: { action: 'upsert', table: 'incident', match: { correlation_display: 'x' }, record: {} },
  };

  it.each([
    ['a create', made],
    ['an upsert', upsert],
    ['a signal', signal('open', 0)],
  ])('is made once by %s and reported as written', async (_what, message) => {
    await startBlind(ignoring);
    expect(await queue.deliver([message])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([{ ...message, receiveCount: 2 }])).toEqual([]);
    expect(await queue.deliver([{ ...message, id: 'm2' }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is made twice where the answer to the first create is lost: docs/record-queue.md says so', async () => {
    await startBlind(ignoring);
    queue.instance.control.faults.add({ match: { method: 'POST' }, action: 'reset-after-commit' });
    expect(await queue.deliver([made])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([{ ...made, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toHaveLength(2);
    expect(queue.deadLetters).toEqual([]);
  });
});

describe('a record of correlationIdTables that the user may not read', () => {
  it("is not taken for another writer's when a copy of the message makes it at the same time", async () => {
    const { through, reached, release } = holding(
      ({ method, path }) => method === 'GET' && path.endsWith('/incident'),
    );
    await startBlind({ ...correlated, through });
    const slow = queue.deliver([made]);
    await reached;
    expect(await queue.deliver([{ ...made, id: 'm2' }])).toEqual([]);
    release();
    expect(await slow).toEqual(['m1']);
    expect(await queue.deliver([{ ...made, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is a dead letter where another writer has made it', async () => {
    await startBlind(correlated);
    queue.instance.state.store.seed('incident', {
      sys_id: 'a'.repeat(32),
      correlation_id: correlationIdOf(deployment, 'incident', 'k'),
    });
    expect(await queue.deliver([made])).toEqual([]);
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorMessage: expect.stringContaining('the user may not read') } },
    ]);
    expect(incidents()).toHaveLength(1);
  });
});

describe('an update that takes its record out of the sight of the user', () => {
  const sysId = 'a'.repeat(32);
  const update = {
    id: 'm1',
    key: 'k',
    body: { action: 'update', table: 'incident', sysId, record: { urgency: '1', work_notes: 'seen' } },
  };

  it('is made once and reported as written', async () => {
    await start({ roles: ['itil'] });
    const { access } = queue.instance.state.auth;
    access.add({ table: 'incident', operation: 'read', where: { urgency: '3' } });
    queue.instance.state.store.seed('incident', { sys_id: sysId, urgency: '3' });
    expect(await queue.deliver([update])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([{ ...update, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '1' }]);
    expect(journal(sysId)).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });
});

const opened = signal('open', 0);
const reasons = () => queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage']);

describe.each([
  ['a table that honours a given sys_id', {}],
  ['a table of correlationIdTables', correlated],
])('a signal whose record the user may not read, in %s', (_name, options) => {
  it.each(['open', 'life: none'])('makes it once and reports it as written: %s', async (kind) => {
    await startBlind(options);
    const message = kind === 'open' ? opened : signal('open', 0, { life: 'none' });
    expect(await queue.deliver([message])).toEqual([]);
    queue.restart();
    expect(await queue.deliver([{ ...message, receiveCount: 2 }])).toEqual([]);
    expect(await queue.deliver([{ ...message, id: 'm2' }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
    expect(queue.counted).toEqual(['Deduplicated', 'Deduplicated']);
  });

  it('makes it once though the answer is lost', async () => {
    await startBlind({ ...options, through: losing(isPost) });
    await queue.deliver([opened]);
    queue.later(180_000);
    expect(await queue.deliver([{ ...opened, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it('makes it once though what the answer said could not be remembered', async () => {
    const { switched, throughTable } = losingWrites((text) => text.includes('"applied"'));
    await startBlind({ ...options, throughTable });
    await queue.deliver([opened]);
    switched.on = false;
    queue.restart();
    queue.later(180_000);
    expect(await queue.deliver([{ ...opened, receiveCount: 2 }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
    expect(queue.deadLetters).toEqual([]);
  });

  it.each(['open', 'resolve', 'note'])(
    'is a dead letter when a later one cannot find it: %s',
    async (kind) => {
      await startBlind(options);
      await queue.deliver([opened]);
      expect(await queue.deliver([signal(kind, 60)])).toEqual([]);
      expect(reasons()).toEqual([expect.stringContaining('the user may not read')]);
      expect(incidents()).toHaveLength(1);
    },
  );

  it('is reported as written when it takes the record out of the sight of the user', async () => {
    await start({ roles: ['itil'], ...options });
    const { access } = queue.instance.state.auth;
    access.add({ table: 'incident', operation: 'read', where: { state: '1' } });
    await queue.deliver([opened]);
    expect(await queue.deliver([signal('resolve', 60)])).toEqual([]);
    expect(incidents()).toMatchObject([{ state: '6' }]);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is a dead letter with its reason when a rule refuses it, and blocks no later one', async () => {
    await startBlind(options);
    queue.instance.control.rules.add({ table: 'incident', action: 'abort' });
    expect(await queue.deliver([opened])).toEqual([]);
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorCode'])).toEqual(['BUSINESS_RULE']);
    queue.instance.control.rules.clear();
    expect(await queue.deliver([signal('open', 60)])).toEqual([]);
    expect(await queue.deliver([{ ...opened, id: 'redriven' }])).toEqual([]);
    expect(incidents()).toHaveLength(1);
  });
});
