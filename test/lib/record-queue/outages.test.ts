import { describe, expect, it } from 'vitest';
import { deadlineAt, systemClock } from '../../../lib/core/clock.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import {
  InstanceAsleepError,
  InstanceUnavailableError,
  ThrottledError,
} from '../../../lib/servicenow/errors.ts';
import { create, incidents, queue, start, times } from './writing.ts';

describe('an instance that is down', () => {
  const down =
    (retryAfterMs?: number) =>
    (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send: async ({ method, path }) => {
        throw new InstanceUnavailableError('down', { method, path, retryAfterMs });
      },
    });

  it('defers messages for a growing time and dead-letters none of them, however often they are received', async () => {
    await start({ through: down() });
    for (const receiveCount of [1, 2, 5, 40]) {
      expect(
        await queue.deliver([{ ...create(`m${receiveCount}`), receiveCount, firstReceivedMsAgo: 3_500_000 }]),
      ).toEqual([`m${receiveCount}`]);
    }
    expect([...queue.hidden.values()]).toEqual([9, 18, 144, 810]);
    expect(queue.deadLetters).toEqual([]);
    expect(queue.counted.filter((name) => name === 'DeferredByOutage')).toHaveLength(4);
  });

  it('gives a message up after the time that the deployment chose', async () => {
    await start({ through: down(), environment: { RECORDS_RETRY_FOR_SECONDS: '60' } });
    expect(await queue.deliver([{ ...create('m1'), receiveCount: 7, firstReceivedMsAgo: 61_000 }])).toEqual(
      [],
    );
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorCode: 'INSTANCE_UNAVAILABLE', Attempts: '7' } },
    ]);
  });

  /** Of the queues, deploy/resources: SQS gives a message up that was received so often. */
  const maxReceiveCount = 100;
  const visibilityTimeoutSeconds = 360;

  it.each([
    { says: 'nothing', retryAfterMs: undefined, canHide: true, group: undefined },
    { says: 'nothing, on a FIFO queue', retryAfterMs: undefined, canHide: true, group: 'g' },
    { says: 'Retry-After: 1', retryAfterMs: 1_000, canHide: true, group: undefined },
    { says: 'Retry-After: 1, on a FIFO queue', retryAfterMs: 1_000, canHide: true, group: 'g' },
    { says: 'nothing, and nothing can be hidden', retryAfterMs: undefined, canHide: false, group: undefined },
  ])('costs no message its tries in an hour: $says', async ({ retryAfterMs, canHide, group }) => {
    let elapsedMs = 0;
    const clock = { now: () => Date.now() + elapsedMs, sleep: async () => {} };
    await start({ through: down(retryAfterMs), clock });
    let receives = 0;
    for (let left = 1; left > 0 && receives <= maxReceiveCount; ) {
      receives += 1;
      const message = { ...create('m1'), receiveCount: receives, ...(group && { group }) };
      left = (await queue.deliver([message])).length;
      const seconds = canHide ? (queue.hidden.get('receipt-m1') ?? 0) : visibilityTimeoutSeconds;
      if (left > 0) elapsedMs += seconds * 1000;
    }
    expect(receives).toBeLessThan(30);
    // Without the milliseconds that the function itself took.
    expect(elapsedMs).toBeGreaterThanOrEqual(3_600_000);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'INSTANCE_UNAVAILABLE' } }]);
  });

  it('is not asked again for every batch of a long queue, but after a while', async () => {
    let nowMs = Date.now();
    let sent = 0;
    const counting = (client: ServiceNowClient): ServiceNowClient => ({
      ...down()(client),
      send: async ({ method, path }) => {
        sent += 1;
        throw new InstanceAsleepError('asleep', { method, path });
      },
    });
    await start({ through: counting, clock: { now: () => nowMs, sleep: async () => {} } });
    for (let batch = 0; batch < 10; batch += 1) {
      expect(await queue.deliver([create(`m${batch}`)])).toEqual([`m${batch}`]);
    }
    expect(sent).toBe(1);
    nowMs += 10_001;
    await queue.deliver([create('later')]);
    expect(sent).toBe(2);
  });

  it('is not asked all the time when it asks to be asked again at once', async () => {
    let sent = 0;
    const counting = (client: ServiceNowClient): ServiceNowClient => {
      const { send } = down(0)(client);
      return {
        ...client,
        send(request, context) {
          sent += 1;
          return send(request, context);
        },
      };
    };
    await start({ through: counting });
    await queue.deliver([create('m1')]);
    await queue.deliver([create('m2')]);
    expect([...queue.hidden.values()]).toEqual([1, 1]);
    expect(sent).toBe(1);
  });

  it('that only throttles gives up no message before SQS would, and then with the reason', async () => {
    const throttling = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send: async ({ method, path }) => {
        throw new ThrottledError('hourly limit', { method, path, retryAfterMs: 3_600_000 });
      },
    });
    await start({ through: throttling });
    const late = { ...create('m1'), receiveCount: 20, firstReceivedMsAgo: 20 * 3_600_000 };
    expect(await queue.deliver([late])).toEqual(['m1']);
    expect(queue.hidden.get('receipt-m1')).toBe(3_600);
    await queue.close();
    await start({ through: throttling });
    expect(await queue.deliver([{ ...late, receiveCount: 99 }])).toEqual([]);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'THROTTLED', Attempts: '99' } }]);
  });

  const refusing = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    send: async ({ method, path }) => {
      throw new ThrottledError('hourly limit', { method, path, retryAfterMs: 60_000 });
    },
  });
  const inGroup = (id: string, receiveCount: number) => ({ ...create(id), receiveCount, group: 'g' });

  it('gives up a message that was only behind another one before SQS would, with the reason', async () => {
    await start({ through: refusing });
    expect(await queue.deliver([inGroup('m1', 99), inGroup('m2', 99)])).toEqual([]);
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorCode: 'THROTTLED', IdempotencyKey: 'm1' } },
      { attributes: { ErrorCode: 'THROTTLED', IdempotencyKey: 'm2' } },
    ]);
  });

  it('gives up the first of a group while those behind it may still be tried', async () => {
    await start({ through: refusing });
    expect(await queue.deliver([inGroup('m1', 95), inGroup('m2', 95)])).toEqual(['m2']);
    expect(queue.deadLetters).toMatchObject([{ attributes: { IdempotencyKey: 'm1' } }]);
    expect(queue.hidden.get('receipt-m2')).toBeGreaterThan(0);
  });

  it('for a moment does not end what has waited for hours for other reasons', async () => {
    await start({ through: down() });
    const late = { ...create('m1'), receiveCount: 6, firstReceivedMsAgo: 5 * 3_600_000 };
    expect(await queue.deliver([late])).toEqual(['m1']);
    expect(queue.deadLetters).toEqual([]);
  });

  it('says when messages come back', async () => {
    await start({ through: down(90_000) });
    await queue.deliver([create('m1')]);
    expect(queue.hidden.get('receipt-m1')).toBe(90);
  });
});

describe('a batch that runs out of time', () => {
  it('starts nothing that it could not report on, and returns every id', async () => {
    await start();
    expect(await queue.deliver([create('m1'), create('m2')], 300)).toEqual(['m1', 'm2']);
    expect(queue.requests()).toEqual([]);
  });

  it('returns exactly the ids that were not finished when time runs out', async () => {
    let nowMs = 0;
    const clock = { now: () => nowMs, sleep: async () => {} };
    const slow = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        nowMs += 20_000;
        return client.send(request, { ...context, deadline: deadlineAt(Date.now() + 5_000, systemClock) });
      },
    });
    await start({ through: slow, clock });
    const chain = times(4).map((index) => ({ ...create(`m${index}`), group: 'one' }));
    expect(await queue.deliver(chain)).toEqual(['m3']);
    expect(incidents()).toHaveLength(3);
    expect(queue.deadLetters).toEqual([]);
  });
});

describe('a call that is in flight when time runs out', () => {
  it('is interrupted, and asked about while there is time for that', async () => {
    await start();
    queue.instance.control.faults.add({
      match: { path: '/api/now/v1/batch' },
      action: 'stall',
      stallMs: 60_000,
    });
    expect(await queue.deliver([create('m1'), create('m2')], 5_000)).toEqual([]);
    expect(incidents()).toHaveLength(2);
    expect(queue.requests()).toEqual(['POST /api/now/v1/batch', 'POST /api/now/v1/batch']);
  });

  it('is returned when the instance does not answer that question either', async () => {
    await start();
    queue.instance.control.faults.add({
      match: { path: '/api/now/*' },
      action: 'stall',
      stallMs: 60_000,
      count: 9,
    });
    expect(await queue.deliver([create('m1'), create('m2')], 2_000)).toEqual(['m1', 'm2']);
    queue.instance.control.faults.clear();
    expect(await queue.deliver([create('m1'), create('m2')])).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });
});
