import { describe, expect, it } from 'vitest';
import { deadlineAt } from '../../../lib/core/deadline.ts';
import { createLimiter } from '../../../lib/core/limiter.ts';
import { createHourlyBudget } from '../../../lib/servicenow/chain/hourly-budget.ts';
import { limit } from '../../../lib/servicenow/chain/limit.ts';
import { createQueueWatch } from '../../../lib/servicenow/chain/queue-watch.ts';
import { judge } from '../../../lib/servicenow/judge/judge.ts';
import type { ServiceNowRequest } from '../../../lib/servicenow/request.ts';
import { jumpingClock, manualClock } from '../core/manual-clock.ts';
import { json, refuse, scriptedServer } from './scripted-server.ts';
import { basic, callContext, clientFor } from './testing.ts';

const read: ServiceNowRequest = { method: 'GET', path: '/api/now/table/incident', repeatable: 'idempotent' };
const jsonType = { 'content-type': 'application/json' };

describe('keeping within what the instance can take', () => {
  it('has at most four calls in flight, however many are waiting', async () => {
    let inFlight = 0;
    let most = 0;
    const { url } = await scriptedServer(async (response) => {
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inFlight -= 1;
      json(response, 200, { result: [] });
    });
    const client = clientFor({ instanceUrl: url, auth: basic });
    await Promise.all(Array.from({ length: 40 }, () => client.send(read, callContext())));
    expect(most).toBe(4);
  });

  it('makes all calls of the process obey one Retry-After', async () => {
    const arrivals: number[] = [];
    const { url } = await scriptedServer((response, _seen, index) => {
      arrivals.push(performance.now());
      if (index === 1) refuse(response, 429, 'Rate limit exceeded', '', { 'retry-after': '1' });
      else json(response, 200, { result: [] });
    });
    const client = clientFor({ instanceUrl: url, auth: basic }, { maxInFlight: 1 });
    await client.send(read, callContext());
    await Promise.all(Array.from({ length: 5 }, () => client.send(read, callContext())));
    const [, throttledAt = 0, ...later] = arrivals;
    expect(later).toHaveLength(5);
    for (const at of later) expect(at - throttledAt).toBeGreaterThan(950);
  });

  it.each([
    [429, 'THROTTLED'],
    [503, 'INSTANCE_UNAVAILABLE'],
  ])('halves its places on %i and says so at once to calls that could not wait', async (status, code) => {
    const clock = manualClock();
    const limiter = createLimiter(4, clock);
    const answer = {
      status,
      headers: { ...jsonType, 'retry-after': '30' },
      body: Buffer.from('{"error":{"message":"x"}}'),
    };
    const link = limit(limiter, createHourlyBudget(clock), async () => judge(read, answer, clock.now()));
    const context = { deadline: deadlineAt(clock.now() + 20_000, clock), correlationId: 'c' };
    await expect(link({ request: read, context })).rejects.toMatchObject({ code });
    expect(limiter.places).toBe(2);
    await expect(link({ request: read, context })).rejects.toMatchObject({
      code: 'THROTTLED',
      sent: false,
      retryAfterMs: 30_000,
    });
  });

  it('stops everyone for a minute at most, however long the instance asks for', async () => {
    const clock = manualClock();
    const limiter = createLimiter(4, clock);
    const answer = {
      status: 429,
      headers: { ...jsonType, 'retry-after': '3600' },
      body: Buffer.from('{"error":{"message":"x"}}'),
    };
    const link = limit(limiter, createHourlyBudget(clock), async () => judge(read, answer, clock.now()));
    const context = { deadline: deadlineAt(clock.now() + 20_000, clock), correlationId: 'c' };
    await expect(link({ request: read, context })).rejects.toMatchObject({ retryAfterMs: 3_600_000 });
    expect(limiter.pausedForMs()).toBe(60_000);
  });

  it('learns the limits of the hour from refusals too', async () => {
    const clock = manualClock();
    const seen: string[] = [];
    const budget = {
      ...createHourlyBudget(clock),
      observe: (_request: ServiceNowRequest, headers: Readonly<Record<string, string>>) =>
        void seen.push(headers['x-ratelimit-limit'] ?? ''),
    };
    const answer = {
      status: 404,
      headers: { ...jsonType, 'x-ratelimit-limit': '100' },
      body: Buffer.from('{"error":{"message":"x"}}'),
    };
    const link = limit(createLimiter(4, clock), budget, async () => judge(read, answer, clock.now()));
    const context = { deadline: deadlineAt(clock.now() + 20_000, clock), correlationId: 'c' };
    await expect(link({ request: read, context })).rejects.toThrow('404');
    expect(seen).toEqual(['100']);
  });

  it('gives up places when calls begin to wait for a semaphore, and wins them back with good answers', async () => {
    const clock = manualClock();
    const limiter = createLimiter(4, clock);
    let waitMs = 0;
    const link = limit(limiter, createHourlyBudget(clock), async () => ({
      status: 200,
      headers: { 'server-timing': `sem_wait;dur=${waitMs}, sesh_wait;dur=0` },
      body: {},
    }));
    const call = () =>
      link({
        request: read,
        context: { deadline: deadlineAt(clock.now() + 20_000, clock), correlationId: 'c' },
      });
    await call();
    waitMs = 300;
    await call();
    expect(limiter.places).toBe(2);
    waitMs = 0;
    for (let again = 0; again < 10; again += 1) await call();
    expect(limiter.places).toBe(4);
  });

  it('tells a growing queue from one that a semaphore grows, not when it is merely there', () => {
    const rises = createQueueWatch();
    const waits = [0, 1, 30, 60, 70, 400, 420, 400, 400];
    expect(waits.map((ms) => rises(`t;desc="x", sem_wait;dur=${ms}, sesh_wait;dur=0`))).toEqual([
      false,
      false,
      false,
      true,
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(rises(undefined)).toBe(false);
  });
});

describe('the hourly budget', () => {
  const resetAtMs = 1_700_003_600_000;
  const headers = (limit: number) => ({
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-reset': String(resetAtMs / 1000),
  });

  it('spreads the last fifth of the limit over the rest of the hour', async () => {
    const clock = jumpingClock(1_700_000_000_000);
    const budget = createHourlyBudget(clock);
    const patience = { deadline: deadlineAt(clock.now() + 7_200_000, clock) };
    for (let call = 0; call < 100; call += 1) {
      await budget.takeTurn(read, patience);
      budget.observe(read, headers(100));
    }
    const total = clock.sleeps.reduce((sum, ms) => sum + ms, 0);
    expect(clock.sleeps.length).toBeLessThanOrEqual(20);
    expect(clock.sleeps.length).toBeGreaterThanOrEqual(17);
    expect(total).toBeGreaterThan(3_000_000);
    expect(total).toBeLessThanOrEqual(3_600_000);
  });

  it('begins anew with every hour', async () => {
    const clock = jumpingClock(1_700_000_000_000);
    const budget = createHourlyBudget(clock);
    const patience = { deadline: deadlineAt(clock.now() + 72_000_000, clock) };
    const spend = async (hour: number) => {
      await budget.takeTurn(read, patience);
      const reset = { 'x-ratelimit-reset': String(resetAtMs / 1000 + hour * 3600) };
      budget.observe(read, { ...headers(10), ...reset });
    };
    for (const hour of [0, 1]) {
      const waits = clock.sleeps.length;
      for (let call = 0; call < 8; call += 1) await spend(hour);
      expect(clock.sleeps.length).toBe(waits);
      for (let call = 0; call < 2; call += 1) await spend(hour);
      expect(clock.sleeps.length).toBeGreaterThan(waits);
      await clock.sleep(resetAtMs + hour * 3_600_000 + 1 - clock.now());
    }
  });

  it('is kept per resource and method, and forgotten when the hour is over', async () => {
    const clock = jumpingClock(1_700_000_000_000);
    const budget = createHourlyBudget(clock);
    const patience = { deadline: deadlineAt(clock.now() + 7_200_000, clock) };
    const spend = async (request: ServiceNowRequest) => {
      await budget.takeTurn(request, patience);
      budget.observe(request, headers(2));
    };
    for (let call = 0; call < 3; call += 1) await spend(read);
    const waits = clock.sleeps.length;
    await spend({ ...read, path: '/api/now/stats/incident' });
    await spend({ ...read, method: 'POST' });
    expect(clock.sleeps.length).toBe(waits);
    await clock.sleep(7_200_000);
    await budget.takeTurn(read, patience);
    expect(clock.sleeps.length).toBe(waits + 1);
  });

  it('tells a call whose turn comes after its deadline so at once, and gives its turn to another', async () => {
    const clock = jumpingClock(1_700_000_000_000);
    const budget = createHourlyBudget(clock);
    budget.observe(read, headers(1));
    const link = limit(createLimiter(4, clock), budget, async () => ({ status: 200, headers: {}, body: {} }));
    const callUntil = (ms: number) =>
      link({ request: read, context: { deadline: deadlineAt(clock.now() + ms, clock), correlationId: 'c' } });
    await callUntil(1_000);
    const tooLate = { code: 'THROTTLED', sent: false, retryAfterMs: 3_600_000 };
    await expect(callUntil(1_000)).rejects.toMatchObject(tooLate);
    await expect(callUntil(1_000)).rejects.toMatchObject(tooLate);
    await callUntil(7_200_000);
    expect(clock.sleeps).toEqual([3_600_000]);
  });
});
