import { describe, expect, it } from 'vitest';
import { correlationIdOf } from '../../../lib/operations/identity.ts';
import type { ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import type { QueueOptions, TestMessage } from './emulated-queue.ts';
import { create, deployment, holding, incidents, losing, losingWrites, queue, start } from './writing.ts';

/** The user may create and update incidents, but read none. */
async function startBlind(options: QueueOptions = {}) {
  await start({ roles: ['itil'], ...options });
  queue.instance.state.auth.access.add({ table: 'incident', operation: 'read', roles: ['reader'] });
}

const correlated = { environment: { CORRELATION_ID_TABLES: 'incident' } };
const made: TestMessage = { ...create('m1'), key: 'k' };
const isPost = ({ method, path }: ServiceNowRequest) => method === 'POST' && !path.endsWith('/batch');

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
