import { describe, expect, it } from 'vitest';
import { deadlineAt } from '../../../lib/core/clock.ts';
import { createLimiter } from '../../../lib/core/limiter.ts';
import type { ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import { createHourlyBudget, throttle } from '../../../lib/servicenow/middleware/throttle.ts';
import { jumpingClock } from '../core/manual-clock.ts';

const read: ServiceNowRequest = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' };

describe('the hourly budget', () => {
  const resetAtMs = 1_700_003_600_000;
  const headers = (limit: number) => ({
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-reset': String(resetAtMs / 1000),
  });

  it('spreads the last fifth of the limit over the rest of the hour', async () => {
    const clock = jumpingClock(1_700_000_000_000);
    const budget = createHourlyBudget(clock);
    const limits = { deadline: deadlineAt(clock.now() + 7_200_000, clock) };
    for (let call = 0; call < 100; call += 1) {
      await budget.waitForSlot(read, limits);
      budget.observe(read, headers(100));
    }
    const total = clock.sleeps.reduce((sum, ms) => sum + ms, 0);
    expect(clock.sleeps.length).toBeLessThanOrEqual(20);
    expect(clock.sleeps.length).toBeGreaterThanOrEqual(17);
    expect(total).toBeGreaterThan(3_000_000);
    expect(total).toBeLessThanOrEqual(3_600_000);
  });

  it('starts again with every hour', async () => {
    const clock = jumpingClock(1_700_000_000_000);
    const budget = createHourlyBudget(clock);
    const limits = { deadline: deadlineAt(clock.now() + 72_000_000, clock) };
    const spend = async (hour: number) => {
      await budget.waitForSlot(read, limits);
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
    const limits = { deadline: deadlineAt(clock.now() + 7_200_000, clock) };
    const spend = async (request: ServiceNowRequest) => {
      await budget.waitForSlot(request, limits);
      budget.observe(request, headers(2));
    };
    for (let call = 0; call < 3; call += 1) await spend(read);
    const waits = clock.sleeps.length;
    await spend({ ...read, path: '/api/now/stats/incident' });
    await spend({ ...read, method: 'POST' });
    expect(clock.sleeps.length).toBe(waits);
    await clock.sleep(7_200_000);
    await budget.waitForSlot(read, limits);
    expect(clock.sleeps.length).toBe(waits + 1);
  });

  it('goes by the instance’s clock, whatever ours says', async () => {
    const aheadMs = 3_000_000;
    const clock = jumpingClock(1_700_000_000_000 + aheadMs);
    const budget = createHourlyBudget(clock);
    const limits = { deadline: deadlineAt(clock.now() + 72_000_000, clock) };
    for (let call = 0; call < 10; call += 1) {
      await budget.waitForSlot(read, limits);
      const date = new Date(clock.now() - aheadMs).toUTCString();
      budget.observe(read, { ...headers(10), date });
    }
    expect(budget.msUntilSlot(read) + clock.now()).toBeLessThanOrEqual(resetAtMs + aheadMs + 1_000);
    expect(budget.msUntilSlot(read) + clock.now()).toBeGreaterThan(resetAtMs + aheadMs - 1_000);
  });

  it('refuses a call at once whose slot comes after its deadline, and gives the slot to another', async () => {
    const clock = jumpingClock(1_700_000_000_000);
    const budget = createHourlyBudget(clock);
    budget.observe(read, headers(1));
    const link = throttle(createLimiter(4, clock), budget, async () => ({
      status: 200,
      headers: {},
      body: {},
    }));
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
