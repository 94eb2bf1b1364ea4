import { describe, expect, it } from 'vitest';
import { correlationIdOf } from '../../lib/operations/identity.ts';
import type { ServiceNowRequest } from '../../lib/servicenow/call.ts';
import type { TestMessage } from '../lib/record-queue/emulated-queue.ts';
import { late, startBothWays } from './both-ways.ts';

const correlationId = correlationIdOf('servicenow-functions/dev', 'incident', 'k');
const create: TestMessage = { id: 'm1', key: 'k', body: { table: 'incident', record: { urgency: '1' } } };
const upsert = (id: string, match: object, record: object): TestMessage => ({
  id,
  body: { action: 'upsert', table: 'incident', match, record },
});
const byCorrelationId = (id: string, record: object = { impact: '1' }) =>
  upsert(id, { correlation_id: correlationId }, record);
const again = (message: TestMessage): TestMessage => ({ ...message, receiveCount: 2 });
/** Longer than a write may be in doubt. */
const overMs = 180_000;
const environment = { CORRELATION_ID_TABLES: 'incident' };

const isInsert = ({ method, path }: ServiceNowRequest) => method === 'POST' && path.endsWith('/incident');

describe('a record of correlationIdTables whose create may still be running', () => {
  it.each(['commits late', 'never arrived'])(
    'is waited for by an upsert that matches by its correlation_id; it %s',
    async (how) => {
      const { through, commit } = late(isInsert);
      const world = await startBothWays({ environment, through });
      expect(await world.queue.deliver([create])).toEqual(['m1']);
      expect(await world.queue.deliver([byCorrelationId('m2')])).toEqual(['m2']);
      if (how === 'commits late') await commit();
      world.later(overMs);
      expect(await world.queue.deliver([again(byCorrelationId('m2'))])).toEqual([]);
      expect(await world.queue.deliver([again(create)])).toEqual([]);
      expect(world.incidents()).toMatchObject([{ correlation_id: correlationId, impact: '1' }]);
      expect(world.deadLetters()).toEqual([]);
    },
  );

  it.each(['commits late', 'never arrived'])(
    'is waited for by a create that looks for its correlation_id when an upsert makes it; it %s',
    async (how) => {
      const { through, commit } = late(isInsert);
      const world = await startBothWays({ environment, through });
      expect(await world.queue.deliver([byCorrelationId('m2')])).toEqual(['m2']);
      expect(await world.queue.deliver([create])).toEqual(['m1']);
      expect(await world.post({ urgency: '1' }, 'k2')).toMatchObject({ statusCode: 201 });
      if (how === 'commits late') await commit();
      world.later(overMs);
      expect(await world.queue.deliver([again(create)])).toEqual([]);
      expect(await world.queue.deliver([again(byCorrelationId('m2'))])).toEqual([]);
      const found = world.incidents().filter(({ correlation_id }) => correlation_id === correlationId);
      expect(found).toMatchObject([{ impact: '1' }]);
      expect(world.deadLetters()).toEqual([]);
    },
  );

  it('is waited for by upserts that find it otherwise, but give or match its correlation_id', async () => {
    const { through, commit } = late(isInsert);
    const { queue, later, incidents, deadLetters } = await startBothWays({ environment, through });
    const giving = upsert('m1', { correlation_display: 'web-01' }, { correlation_id: 'X-1', urgency: '1' });
    const matching = upsert('m2', { correlation_id: 'x-1' }, { impact: '1' });
    const both = upsert('m3', { correlation_id: 'x-1', active: 'true' }, { description: 'both' });
    expect(await queue.deliver([giving])).toEqual(['m1']);
    expect(await queue.deliver([matching])).toEqual(['m2']);
    expect(await queue.deliver([both])).toEqual(['m3']);
    await commit();
    later(overMs);
    for (const message of [both, matching, giving]) expect(await queue.deliver([again(message)])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '1', impact: '1', description: 'both' }]);
    expect(deadLetters()).toEqual([]);
  });

  it('is waited for over HTTP, and waits for what came over HTTP', async () => {
    const slow = late(isInsert);
    const { through } = slow;
    const first = await startBothWays({ environment, through });
    expect(await first.queue.deliver([byCorrelationId('m2')])).toEqual(['m2']);
    expect(await first.post({ urgency: '1' }, 'k')).toMatchObject({
      statusCode: 503,
      headers: { 'x-error-code': 'RECORD_IN_DOUBT', 'retry-after': '5' },
    });
    await slow.commit();
    first.later(overMs);
    expect(await first.post({ urgency: '1' }, 'k')).toMatchObject({ statusCode: 200 });
    expect(await first.queue.deliver([again(byCorrelationId('m2'))])).toEqual([]);
    expect(first.incidents()).toMatchObject([{ impact: '1' }]);

    const slowHttp = late(isInsert);
    const second = await startBothWays({ environment }, slowHttp.through);
    expect(await second.post({ urgency: '1' }, 'k')).toMatchObject({ statusCode: 504 });
    expect(await second.queue.deliver([byCorrelationId('m2')])).toEqual(['m2']);
    await slowHttp.commit();
    second.later(overMs);
    expect(await second.queue.deliver([again(byCorrelationId('m2'))])).toEqual([]);
    expect(second.incidents()).toMatchObject([{ urgency: '1', impact: '1' }]);
  });

  it('is waited for by an upsert that matches by the key of a signal', async () => {
    const { through, commit } = late(isInsert);
    const { queue, later, incidents, deadLetters } = await startBothWays({ environment, through });
    const at = new Date(Date.now() - 1000).toISOString();
    const open: TestMessage = {
      id: 'm1',
      body: {
        action: 'signal',
        ...{ signal: 'open', source: 'monitoring', key: 'disk-7', eventId: 'e1', at },
        fields: { short_description: 'Disk full' },
      },
    };
    const matching = upsert('m2', { correlation_id: 'disk-7' }, { impact: '1' });
    expect(await queue.deliver([open])).toEqual(['m1']);
    expect(await queue.deliver([matching])).toEqual(['m2']);
    await commit();
    later(overMs);
    expect(await queue.deliver([again(matching)])).toEqual([]);
    expect(await queue.deliver([again(open)])).toEqual([]);
    expect(incidents()).toMatchObject([{ short_description: 'Disk full', impact: '1' }]);
    expect(deadLetters()).toEqual([]);
  });

  it('is free at once when its create was refused', async () => {
    const world = await startBothWays({ environment });
    const { rules } = world.queue.instance.control;
    rules.add({ table: 'incident', action: 'abort', when: { urgency: ['1'] } });
    expect(await world.queue.deliver([create])).toEqual([]);
    expect(world.deadLetters()).toEqual(['BUSINESS_RULE']);
    expect((await world.post({ urgency: '1' }, 'k')).statusCode).toBe(403);
    expect(await world.queue.deliver([byCorrelationId('m2')])).toEqual([]);
    expect(world.incidents()).toMatchObject([{ impact: '1' }]);
  });
});

it('an upsert whose create never arrived is carried out on the record that another one has made since', async () => {
  const { through } = late(isInsert);
  const { queue, later, incidents } = await startBothWays({ environment, through });
  const first = byCorrelationId('m1', { urgency: '1' });
  expect(await queue.deliver([first])).toEqual(['m1']);
  later(overMs);
  expect(await queue.deliver([byCorrelationId('m2', { impact: '1' })])).toEqual([]);
  expect(await queue.deliver([again(first)])).toEqual([]);
  expect(incidents()).toMatchObject([{ urgency: '1', impact: '1' }]);
});
