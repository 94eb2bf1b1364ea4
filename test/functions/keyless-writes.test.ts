import { describe, expect, it } from 'vitest';
import { deriveSysId } from '../../lib/operations/identity.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { AnswerLostError, UnknownOutcomeError } from '../../lib/servicenow/errors.ts';
import type { TestMessage } from '../lib/record-queue/emulated-queue.ts';
import { late, startBothWays } from './both-ways.ts';

const sysId = 'a'.repeat(32);
const again = (message: TestMessage): TestMessage => ({ ...message, receiveCount: 2 });
const update = (id: string, record: object): TestMessage => ({
  id,
  body: { action: 'update', table: 'incident', sysId, record },
});
const removal: TestMessage = { id: 'm2', body: { action: 'delete', table: 'incident', sysId } };
/** Longer than a write may be in doubt. */
const overMs = 91_000;
const unknown = { statusCode: 504, headers: { 'x-error-code': 'OUTCOME_UNKNOWN' } };

describe('a call without an Idempotency-Key whose answer was lost', () => {
  it.each([
    { method: 'POST', record: { urgency: '1' } },
    { method: 'POST', record: { sys_id: sysId, urgency: '1' } },
    { method: 'PATCH', record: { urgency: '1' } },
    { method: 'DELETE', record: {} },
  ])('is answered 504, and not that it can be repeated: $method $record', async ({ method, record }) => {
    const { through, commit } = late((request) => request.method === method);
    const { post, patch, remove, store, incidents } = await startBothWays({}, through);
    if (method !== 'POST') store.seed('incident', { sys_id: sysId });
    const calls = {
      POST: () => post(record),
      PATCH: () => patch(sysId, record),
      DELETE: () => remove(sysId),
    } as const;
    const answer = await calls[method as keyof typeof calls]();
    expect(answer).toMatchObject(unknown);
    expect(answer.headers).not.toHaveProperty('retry-after');
    await commit();
    expect(incidents()).toHaveLength(method === 'DELETE' ? 0 : 1);
  });

  it.each(['PATCH', 'DELETE'])('keeps keyed calls and messages away from its record: %s', async (method) => {
    const { through, commit } = late((request) => request.method === method);
    const { queue, patch, remove, later, store, incidents, deadLetters } = await startBothWays({}, through);
    store.seed('incident', { sys_id: sysId, urgency: '3' });
    expect(await (method === 'PATCH' ? patch(sysId, { urgency: '1' }) : remove(sysId))).toMatchObject(
      unknown,
    );
    expect(await patch(sysId, { urgency: '2' }, 'k')).toMatchObject({
      statusCode: 503,
      headers: { 'x-error-code': 'RECORD_IN_DOUBT', 'retry-after': expect.anything() },
    });
    const waiting = update('m1', { urgency: '2', impact: '1' });
    expect(await queue.deliver([waiting, removal])).toEqual(['m1', 'm2']);
    await commit();
    later(overMs);
    expect(await queue.deliver([again(waiting)])).toEqual([]);
    const after = method === 'PATCH' ? [{ urgency: '2', impact: '1' }] : [];
    expect(incidents()).toMatchObject(after);
    expect(await queue.deliver([again(removal)])).toEqual([]);
    expect(incidents()).toEqual([]);
    expect(deadLetters()).toEqual([]);
  });

  it('keeps messages away from a record whose sys_id it gave', async () => {
    const { through, commit } = late(({ method }) => method === 'POST');
    const { queue, post, later, incidents, deadLetters } = await startBothWays({}, through);
    expect(await post({ sys_id: sysId, urgency: '1' })).toMatchObject(unknown);
    expect(await queue.deliver([update('m1', { urgency: '2' })])).toEqual(['m1']);
    await commit();
    later(overMs);
    expect(await queue.deliver([again(update('m1', { urgency: '2' }))])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '2' }]);
    expect(deadLetters()).toEqual([]);
  });
});

describe('a create whose answer was lost, and after which the instance could not be asked', () => {
  const made = deriveSysId('servicenow-functions/dev', 'incident', 'k');
  /** Loses the first POST, and every look at the record that follows. */
  function losing() {
    const { through: losingPost, commit } = late(({ method }) => method === 'POST');
    const state = { isAway: false };
    const through = (client: ServiceNowClient): ServiceNowClient => {
      const lossy = losingPost(client);
      return {
        ...client,
        async send(request, context) {
          const { method, path } = request;
          if (state.isAway && method === 'GET') throw new AnswerLostError('away', { method, path });
          return lossy.send(request, context).catch((error: unknown) => {
            state.isAway = error instanceof UnknownOutcomeError;
            throw error;
          });
        },
      };
    };
    return { through, commit, state };
  }

  it.each(['over HTTP', 'of the queue'])('keeps messages away from its record: %s', async (way) => {
    const { through, commit, state } = losing();
    const isHttp = way === 'over HTTP';
    const options = { environment: { RECORDS_BATCH_API: 'false' } };
    const { queue, post, later, incidents, deadLetters } = isHttp
      ? await startBothWays(options, through)
      : await startBothWays({ ...options, through });
    const create: TestMessage = { id: 'm0', key: 'k', body: { table: 'incident', record: { urgency: '1' } } };
    if (isHttp) expect(await post({ urgency: '1' }, 'k')).toMatchObject(unknown);
    else expect(await queue.deliver([create])).toEqual(['m0']);
    state.isAway = false;
    const waiting = {
      id: 'm1',
      body: { action: 'update', table: 'incident', sysId: made, record: { urgency: '2' } },
    };
    expect(await queue.deliver([waiting])).toEqual(['m1']);
    await commit();
    later(overMs);
    expect(await queue.deliver([again(waiting)])).toEqual([]);
    expect(await queue.deliver([again(create)])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '2' }]);
    expect(deadLetters()).toEqual([]);
  });
});
