import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { until } from '../../../until.ts';
import { call } from '../caller.ts';

describe('rate-limit rules', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance({ control: true });
    instance.control.clock.freeze();
    await instance.control.clock.set(Date.UTC(2026, 0, 2, 10, 15));
  });
  afterEach(() => instance.close());

  const list = () => call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1');
  const limit = (json: unknown) => call(instance, 'POST', '/__emulator/rate-limits', { json, as: '' });

  it('count per clock hour, put their headers on every answer, and refuse with the time to wait', async () => {
    const rule = await limit({ limitPerHour: 2, path: '/api/now/table/*' });
    const first = await list();
    expect(first.status).toBe(200);
    expect(first.headers.get('x-ratelimit-limit')).toBe('2');
    expect(first.headers.get('x-ratelimit-reset')).toBe(String(Date.UTC(2026, 0, 2, 11) / 1000));
    expect(first.headers.get('x-ratelimit-rule')).toBe(Object(rule.json).sysId);
    await list();
    const refused = await list();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe(String(45 * 60));
    expect(refused.json).toEqual({
      error: {
        message: 'Rate limit exceeded',
        detail: 'Rate limit of 2 requests per hour for Table API exceeded',
      },
      status: 'failure',
    });
    await instance.control.clock.advance(45 * 60_000);
    expect((await list()).status).toBe(200);
  });

  it('are rows of sys_rate_limit_rules, which apply regardless of who wrote them, and end when they are deleted', async () => {
    await limit({ limitPerHour: 7, user: instance.username, path: '/api/now/stats/*' });
    const rules = '/api/now/table/sys_rate_limit_rules';
    const listed = Object((await call(instance, 'GET', rules)).json).result[0];
    expect(listed).toMatchObject({ request_limit: '7', path: '/api/now/stats/*' });
    const user = instance.state.store.findBy('sys_user', 'user_name', instance.username)?.['sys_id'];
    expect(listed.user.value).toBe(user);
    const json = { path: '/api/now/table/incident', request_limit: '1', user };
    const { sys_id: id } = Object((await call(instance, 'POST', rules, { json })).json).result;
    expect((await list()).headers.get('x-ratelimit-rule')).toBe(id);
    expect((await list()).status).toBe(429);
    await call(instance, 'PATCH', `${rules}/${id}`, { json: { active: 'false' } });
    expect((await list()).headers.has('x-ratelimit-rule')).toBe(false);
  });

  it('by switch lag behind, until the counts are flushed', async () => {
    instance.control.change({ rateLimitFlushMs: 30_000 });
    await limit({ limitPerHour: 1 });
    expect([(await list()).status, (await list()).status, (await list()).status]).toEqual([200, 200, 200]);
    await instance.control.clock.advance(30_000);
    expect((await list()).status).toBe(429);
  });

  it('send no headers to requests that no rule matches', async () => {
    await limit({ limitPerHour: 0, method: 'POST' });
    const reply = await list();
    expect(reply.status).toBe(200);
    expect(reply.headers.has('x-ratelimit-limit')).toBe(false);
  });

  it('prefer the rule for the user to the one for a role, and that to the one for all', async () => {
    await limit({ limitPerHour: 1 });
    await limit({ limitPerHour: 2, role: 'admin', order: 200 });
    await limit({ limitPerHour: 3, role: 'admin', order: 100 });
    expect((await list()).headers.get('x-ratelimit-limit')).toBe('3');
    await limit({ limitPerHour: 4, user: instance.username });
    expect((await list()).headers.get('x-ratelimit-limit')).toBe('4');
  });
});

describe('the API_INT semaphore', () => {
  it('lets four run, fifty wait, and refuses the next with a 429 without rate-limit headers', async () => {
    const instance = await startInstance();
    const { semaphore } = instance.control;
    // Four hold their places until all the others have come.
    const running = await Promise.all(Array.from({ length: 4 }, () => semaphore.acquire()));
    let answered = 0;
    const calls = Array.from({ length: 56 }, async () => {
      const reply = await call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1');
      answered += 1;
      return reply;
    });
    await until(() => expect([semaphore.running, semaphore.waiting, answered]).toEqual([4, 50, 6]));
    for (const permit of running) permit?.release();
    const replies = await Promise.all(calls);
    const refused = replies.filter((reply) => reply.status === 429);
    expect(refused).toHaveLength(6);
    expect(refused[0]?.headers.has('retry-after')).toBe(false);
    expect(refused[0]?.headers.has('x-ratelimit-limit')).toBe(false);
    const waits = replies.map((reply) =>
      Number(/sem_wait;dur=(\d+)/.exec(reply.headers.get('server-timing') ?? '')?.[1]),
    );
    expect(waits.filter((wait) => wait > 0)).toHaveLength(50);
    expect(semaphore.running).toBe(0);
    await instance.close();
  });

  it('can be widened while running', async () => {
    const instance = await startInstance({ control: true });
    const reply = await call(instance, 'PUT', '/__emulator/semaphore', {
      json: { permits: 9, queue: 0 },
      as: '',
    });
    expect(reply.json).toEqual({ permits: 9, queue: 0, running: 0, waiting: 0 });
    await instance.close();
  });
});
