import { describe, expect, it } from 'vitest';
import { deadlineAt } from '../../../lib/core/clock.ts';
import { createLimiter } from '../../../lib/core/limiter.ts';
import type { ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import { classifyAnswer } from '../../../lib/servicenow/classify/answer.ts';
import {
  createHourlyBudget,
  createQueueWatch,
  throttle,
} from '../../../lib/servicenow/middleware/throttle.ts';
import { jumpingClock, manualClock } from '../core/manual-clock.ts';
import { busyServer, json, refuse, scriptedServer } from './scripted-server.ts';
import { basic, callContext, clientFor } from './testing.ts';

const read: ServiceNowRequest = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' };
const jsonType = { 'content-type': 'application/json' };

describe('keeping within what the instance can take', () => {
  it('has at most four calls in flight, however many are waiting', async () => {
    const { url, most } = await busyServer((response) => json(response, 200, { result: [] }));
    const client = clientFor({ instanceUrl: url, auth: basic });
    await Promise.all(Array.from({ length: 40 }, () => client.send(read, callContext())));
    expect(most()).toBe(4);
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
    const link = throttle(limiter, createHourlyBudget(clock), async () =>
      classifyAnswer(read, answer, clock.now()),
    );
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
    const link = throttle(limiter, createHourlyBudget(clock), async () =>
      classifyAnswer(read, answer, clock.now()),
    );
    const context = { deadline: deadlineAt(clock.now() + 20_000, clock), correlationId: 'c' };
    await expect(link({ request: read, context })).rejects.toMatchObject({ retryAfterMs: 3_600_000 });
    expect(limiter.pausedForMs()).toBe(60_000);
  });

  it('sends nothing like a call that was throttled until the time that the instance said, however often it is asked', async () => {
    const clock = jumpingClock(1_700_000_000_000);
    const sent: string[] = [];
    const throttled = {
      status: 429,
      headers: { ...jsonType, 'retry-after': '1800' },
      body: Buffer.from('{"error":{"message":"x"}}'),
    };
    const link = throttle(createLimiter(4, clock), createHourlyBudget(clock), async ({ request }) => {
      sent.push(`${request.method} ${request.path}`);
      if (sent.length === 1) return classifyAnswer(request, throttled, clock.now());
      return { status: 200, headers: {}, body: {} };
    });
    const call = (request: ServiceNowRequest, ms = 20_000) =>
      link({ request, context: { deadline: deadlineAt(clock.now() + ms, clock), correlationId: 'c' } });
    await expect(call(read)).rejects.toMatchObject({ code: 'THROTTLED', sent: true });
    await clock.sleep(90_000);
    const withRetryAfter = { code: 'THROTTLED', sent: false, retryAfterMs: 1_710_000 };
    await expect(call({ ...read, path: '/api/now/v2/table/problem' })).rejects.toMatchObject(withRetryAfter);
    await call({ ...read, path: '/api/now/stats/incident' });
    await call({ ...read, method: 'POST' });
    await call(read, 1_800_000);
    expect(sent.slice(1)).toEqual([
      'GET /api/now/stats/incident',
      'POST /api/now/table/incident',
      'GET /api/now/table/incident',
    ]);
    expect(clock.now()).toBe(1_700_001_800_000);
  });

  it('does not take what the token endpoint says of its limits for those of the call', async () => {
    const clock = jumpingClock(1_700_000_000_000);
    const limits = { 'x-ratelimit-limit': '1', 'x-ratelimit-reset': '1700003600', 'retry-after': '1800' };
    const answer = { status: 429, headers: { ...jsonType, ...limits }, body: Buffer.from('{"error":"x"}') };
    const tokenCall = { method: 'POST', path: '/oauth_token.do', repeatable: 'never', sent: false } as const;
    const budget = createHourlyBudget(clock);
    const link = throttle(createLimiter(4, clock), budget, async () =>
      classifyAnswer(tokenCall, answer, clock.now()),
    );
    const context = { deadline: deadlineAt(clock.now() + 20_000, clock), correlationId: 'c' };
    await expect(link({ request: read, context })).rejects.toMatchObject({ code: 'THROTTLED' });
    expect(budget.msUntilSlot(read)).toBe(0);
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
    const link = throttle(createLimiter(4, clock), budget, async () =>
      classifyAnswer(read, answer, clock.now()),
    );
    const context = { deadline: deadlineAt(clock.now() + 20_000, clock), correlationId: 'c' };
    await expect(link({ request: read, context })).rejects.toThrow('404');
    expect(seen).toEqual(['100']);
  });

  it('gives up places when calls begin to wait for a semaphore, and wins them back with good answers', async () => {
    const clock = manualClock();
    const limiter = createLimiter(4, clock);
    let waitMs = 0;
    const link = throttle(limiter, createHourlyBudget(clock), async () => ({
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

  it('recognizes a growing semaphore queue, not one that is merely there', () => {
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
    expect(createQueueWatch()('sesh_wait;dur=900, sem_wait;desc="x";dur=80')).toBe(true);
    expect(createQueueWatch()('sem_wait, sesh_wait;dur=900')).toBe(false);
  });
});
