import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FaultRequest } from '../../../../emulator/instance/control/fault-plan.ts';
import { FaultPlan } from '../../../../emulator/instance/control/fault-plan.ts';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

describe('faults', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance({ control: true });
  });
  afterEach(() => instance.close());

  const strike = (fault: FaultRequest) =>
    call(instance, 'POST', '/__emulator/faults', { json: fault, as: '' });
  const list = () => call(instance, 'GET', '/api/now/table/incident?sysparm_limit=4');
  const create = (key: string) =>
    call(instance, 'POST', '/api/now/table/incident', { json: { correlation_id: key } });
  const created = (key: string) =>
    instance.state.store.count('incident', { where: 't0.correlation_id = ?', params: [key] });

  it('puts a sleeping instance in place of the real one: 200 with HTML on every path, and none of its headers', async () => {
    await strike({ action: 'hibernate', count: 2 });
    const token = await call(instance, 'POST', '/oauth_token.do', { form: { grant_type: 'password' } });
    const reply = await list();
    for (const page of [token, reply]) {
      expect(page.status).toBe(200);
      expect(page.headers.get('content-type')).toContain('text/html');
      expect(page.headers.has('x-transaction-id')).toBe(false);
      expect(page.headers.has('x-is-logged-in')).toBe(false);
      expect(page.headers.get('connection')).toBe('close');
      expect(page.text).toContain('<html>');
    }
    expect((await list()).json).toHaveProperty('result');
  });

  it.each([
    ['bad-gateway', 502],
    ['unavailable', 503],
  ])('answers %s as HTML', async (action, status) => {
    await strike({ action });
    const reply = await create('k');
    expect(reply.status).toBe(status);
    expect(reply.headers.get('content-type')).toContain('text/html');
    expect(created('k')).toBe(0);
  });

  it('can say when an unavailable instance is to be asked again', async () => {
    await strike({ action: 'unavailable', retryAfterS: 7 });
    expect((await list()).headers.get('retry-after')).toBe('7');
  });

  it('resets the connection before the work, or after it is committed', async () => {
    await strike({ action: 'reset-before-commit' });
    await expect(create('before')).rejects.toThrow();
    await strike({ action: 'reset-after-commit' });
    await expect(create('after')).rejects.toThrow();
    expect([created('before'), created('after')]).toEqual([0, 1]);
  });

  it('commits and then says 500, or says 500 without having done anything', async () => {
    await strike({ action: 'error-after-commit' });
    await strike({ action: 'server-error', skip: 1 });
    expect((await create('done')).status).toBe(500);
    expect((await create('not done')).status).toBe(500);
    expect([created('done'), created('not done')]).toEqual([1, 0]);
  });

  it('cuts a body off in the middle', async () => {
    await strike({ action: 'truncate', afterBytes: 20 });
    await expect(list()).rejects.toThrow();
  });

  it('sends JSON that stops early in an answer that is whole as HTTP', async () => {
    await strike({ action: 'cut-body', afterBytes: 14 });
    const reply = await list();
    expect([reply.status, reply.text.length]).toEqual([200, 14]);
    expect(reply.text).toMatch(/^\{"result":\[\{/);
    expect(reply.headers.get('content-type')).toBe('application/json;charset=UTF-8');
  });

  it('lets a body stall after its first bytes', async () => {
    await strike({ action: 'stall', afterBytes: 5, stallMs: 60_000 });
    const response = await fetch(`${instance.url}/api/now/table/incident?sysparm_limit=1`, {
      headers: {
        Authorization: `Basic ${btoa(`${instance.username}:${instance.password}`)}`,
        'Accept-Encoding': 'identity',
      },
    });
    const reader = response.body?.getReader();
    expect((await reader?.read())?.value?.length).toBe(5);
    const next = await Promise.race([reader?.read(), new Promise((done) => setImmediate(done, 'silent'))]);
    expect(next).toBe('silent');
    await reader?.cancel();
  });

  it('answers a list with 200, half of its rows and an error', async () => {
    const whole = await list();
    await strike({ action: 'error-in-ok' });
    const reply = await list();
    expect(reply.status).toBe(200);
    expect(whole.json).toMatchObject({ result: [{}, {}, {}, {}] });
    expect(reply.json).toMatchObject({
      result: [{}, {}],
      error: { message: 'Transaction cancelled: maximum execution time exceeded' },
      status: 'failure',
    });
  });

  it('redirects as single sign-on does', async () => {
    await strike({ action: 'redirect', location: 'https://sso.example.com/' });
    const reply = await list();
    expect([reply.status, reply.headers.get('location')]).toEqual([302, 'https://sso.example.com/']);
  });

  it('kills the token of a request, which then ends in the 401; the next grant gives a new one', async () => {
    const grant = async () => {
      const form = {
        grant_type: 'client_credentials',
        client_id: instance.oauth.clientId,
        client_secret: instance.oauth.clientSecret,
      };
      const { json } = await call(instance, 'POST', '/oauth_token.do', { form, as: '' });
      return `Bearer ${Object(json).access_token}`;
    };
    const first = await grant();
    const ask = (Authorization: string) =>
      call(instance, 'GET', '/api/now/table/incident', { as: '', headers: { Authorization } });
    await strike({ match: { path: '/api/*' }, action: 'expired-token' });
    expect((await ask(first)).status).toBe(401);
    const second = await grant();
    expect(second).not.toBe(first);
    expect((await ask(second)).status).toBe(200);
  });

  it('throttles with a bare 429, or with a time to wait', async () => {
    await strike({ action: 'throttled' });
    await strike({ action: 'throttled', retryAfterS: 3, skip: 1 });
    const [bare, timed] = [await list(), await list()];
    expect([bare.status, bare.headers.get('retry-after')]).toEqual([429, null]);
    expect([timed.status, timed.headers.get('retry-after')]).toEqual([429, '3']);
  });

  it('gives any configured answer, instead of the work or after it', async () => {
    await strike({ action: 'answer', status: 403, json: { error: { message: 'No' } } });
    await strike({ action: 'answer', status: 200, text: '{"resu', afterCommit: true, skip: 1 });
    const refused = await create('refused');
    const broken = await create('broken');
    expect([refused.status, refused.json]).toEqual([403, { error: { message: 'No' } }]);
    expect([broken.status, broken.text]).toEqual([200, '{"resu']);
    expect([created('refused'), created('broken')]).toEqual([0, 1]);
  });

  it('meets only the configured method and path, as often as configured', async () => {
    await strike({
      match: { method: 'post', path: '/api/now/*/incident' },
      action: 'server-error',
      count: 2,
    });
    expect((await list()).status).toBe(200);
    expect((await create('a')).status).toBe(500);
    expect((await create('b')).status).toBe(500);
    expect((await create('c')).status).toBe(201);
  });

  it('ends by itself after its time', () => {
    let nowMs = 0;
    const plan = new FaultPlan(() => nowMs);
    plan.add({ action: 'unavailable', seconds: 2 });
    nowMs = 1_999;
    expect(plan.pick('GET', '/')).toHaveLength(1);
    expect(plan.list()).toMatchObject([{ applied: 1, left: null, secondsLeft: 0.001 }]);
    nowMs = 2_000;
    expect([plan.pick('GET', '/'), plan.list()]).toEqual([[], []]);
  });

  it('strikes by chance the same way for the same seed', async () => {
    const pattern = async () => {
      await strike({ action: 'server-error', probability: 0.5, seed: 11 });
      const statuses: number[] = [];
      for (let at = 0; at < 12; at++) statuses.push((await list()).status);
      await call(instance, 'DELETE', '/__emulator/faults', { as: '' });
      return statuses;
    };
    const first = await pattern();
    expect(new Set(first)).toEqual(new Set([200, 500]));
    expect(await pattern()).toEqual(first);
  });

  it('lists what still waits and refuses what it does not know', async () => {
    await strike({ action: 'latency', latencyMs: 1, count: 3 });
    await list();
    const waiting = await call(instance, 'GET', '/__emulator/faults', { as: '' });
    expect(waiting.json).toMatchObject({ faults: [{ applied: 1, left: 2 }] });
    const unknown = await strike({ action: 'meteor' });
    expect(unknown.status).toBe(400);
    expect(unknown.text).toContain('no such fault meteor');
    const misspelt = await strike({ action: 'reset-before-commit', matches: { path: '/elsewhere' } });
    expect([misspelt.status, misspelt.text]).toEqual([400, expect.stringContaining('matches')]);
  });
});

describe('/__emulator/', () => {
  it('is not there unless it is enabled', async () => {
    const instance = await startInstance();
    expect((await call(instance, 'GET', '/__emulator/ledger', { as: '' })).status).toBe(404);
    await instance.close();
  });
});
