import { describe, expect, it } from 'vitest';
import { deadlineAt, systemClock } from '../../../lib/core/clock.ts';
import type { MetricName } from '../../../lib/core/metrics.ts';
import type { ConnectionSecret } from '../../../lib/servicenow/secret.ts';
import { until } from '../../until.ts';
import { busyServer, json, refuse, type ScriptedServer, scriptedServer } from './scripted-server.ts';
import { callContext, clientFor } from './testing.ts';

/** The clock of these tests moves only as they say, however slow the machine is. */
const startMs = Date.now();

const read = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' } as const;
const basicAs = (password: string) =>
  `Basic ${Buffer.from(`integration.user:${password}`).toString('base64')}`;

/** An instance with one password that can change, and a secret that can change independently. */
async function setUp(options: { password: string; stored: string }) {
  const state = { ...options, reads: 0, freshReads: 0, movedMs: 0, answerAfterMs: 5 };
  const server: ScriptedServer = await scriptedServer(async (response, { headers }) => {
    await new Promise((resolve) => setTimeout(resolve, state.answerAfterMs));
    if (headers.authorization === basicAs(state.password)) json(response, 200, { result: [] });
    else
      refuse(response, 401, 'User Not Authenticated', '', {
        'www-authenticate': 'Basic realm="Service-now"',
      });
  });
  const secret = (): ConnectionSecret => ({
    instanceUrl: server.url,
    auth: { type: 'basic', username: 'integration.user', password: state.stored },
  });
  let cached: string | undefined;
  const readSecret = async ({ fresh }: { readonly fresh: boolean }) => {
    state.reads += 1;
    if (fresh) state.freshReads += 1;
    if (fresh || cached === undefined) cached = JSON.stringify(secret());
    return cached;
  };
  const clock = { now: () => startMs + state.movedMs, sleep: systemClock.sleep };
  const counted = new Map<MetricName, number>();
  const metrics = {
    add: (name: MetricName) => void counted.set(name, (counted.get(name) ?? 0) + 1),
  };
  const client = clientFor(secret(), { readSecret, clock, metrics });
  const call = () => client.send(read, callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) }));
  const refused = () =>
    server.seen.filter(({ headers }) => headers.authorization !== basicAs(state.password)).length;
  return { state, server, call, refused, counted };
}

const codes = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.map((result) => (result.status === 'fulfilled' ? 'ok' : Object(result.reason).code));

describe('a secret that is rotated under a warm process', () => {
  it('is read again exactly once for eight calls at the same time, and all succeed', async () => {
    const { state, call } = await setUp({ password: 'old', stored: 'old' });
    await call();
    Object.assign(state, { password: 'new', stored: 'new' });
    const results = await Promise.allSettled(Array.from({ length: 8 }, call));
    expect(codes(results)).toEqual(Array.from({ length: 8 }, () => 'ok'));
    expect(state.freshReads).toBe(1);
  });

  it('to one that is wrong is tried once; then nothing more is sent, whatever the load', async () => {
    const { state, server, call, refused, counted } = await setUp({ password: 'old', stored: 'old' });
    await call();
    Object.assign(state, { password: 'unknown to us', stored: 'wrong' });
    await expect(call()).rejects.toMatchObject({ code: 'CREDENTIALS_REJECTED', status: 401 });
    expect(counted.get('CredentialRejections')).toBe(1);
    const results = await Promise.allSettled(Array.from({ length: 50 }, call));
    expect(new Set(codes(results))).toEqual(new Set(['CREDENTIALS_REJECTED']));
    expect(server.seen.filter(({ headers }) => headers.authorization === basicAs('wrong'))).toHaveLength(1);
    expect(server.seen.length - 1).toBe(2);
    expect(refused()).toBe(3);
  });

  it('to a wrong client secret asks twice for a token, however many calls lose theirs at the same time', async () => {
    const state = { alive: true, stored: 'right' };
    const { url, seen } = await scriptedServer((response, request) => {
      if (request.url !== '/oauth_token.do')
        return state.alive
          ? json(response, 200, { result: [] })
          : refuse(response, 401, 'User Not Authenticated');
      if (state.alive)
        return json(response, 200, { access_token: 't', token_type: 'Bearer', expires_in: 1800 });
      return json(response, 401, { error: 'server_error', error_description: 'access_denied' });
    });
    const secret = () => ({
      instanceUrl: url,
      auth: { type: 'oauth-client-credentials', clientId: 'c', clientSecret: state.stored } as const,
    });
    let freshReads = 0;
    let cached = JSON.stringify(secret());
    const readSecret = ({ fresh }: { readonly fresh: boolean }) => {
      if (!fresh) return cached;
      freshReads += 1;
      cached = JSON.stringify(secret());
      return cached;
    };
    const client = clientFor(secret(), { readSecret });
    await client.send(read, callContext());
    Object.assign(state, { alive: false, stored: 'wrong' });
    const tokenCalls = () => seen.filter((request) => request.url === '/oauth_token.do').length - 1;
    for (let wave = 0; wave < 3; wave += 1) {
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, () => client.send(read, callContext())),
      );
      expect(new Set(codes(results))).toEqual(new Set(['CREDENTIALS_REJECTED']));
    }
    expect({ tokenCalls: tokenCalls(), freshReads }).toEqual({ tokenCalls: 2, freshReads: 2 });
  });

  it('to one wrong secret after the other is tried twice a minute all the same', async () => {
    const { state, server, call } = await setUp({ password: 'old', stored: 'old' });
    await call();
    Object.assign(state, { password: 'unknown to us', stored: 'wrong' });
    await expect(call()).rejects.toMatchObject({ code: 'CREDENTIALS_REJECTED' });
    for (const stored of ['wrong again', 'and again']) {
      state.stored = stored;
      await expect(call()).rejects.toMatchObject({ code: 'CREDENTIALS_REJECTED' });
    }
    const tried = server.seen.slice(1).map(({ headers }) => headers.authorization);
    expect(tried).toEqual([basicAs('old'), basicAs('wrong')]);
  });

  it('does not break what is in flight with the old one', async () => {
    const answered = Promise.withResolvers<void>();
    const { url, seen } = await scriptedServer(async (response, _seen, index) => {
      if (index === 0) await answered.promise;
      json(response, 200, { result: [] });
    });
    let password = 'old';
    const secret = () => ({
      instanceUrl: url,
      auth: { type: 'basic', username: 'integration.user', password } as const,
    });
    const client = clientFor(secret(), { readSecret: () => JSON.stringify(secret()), maxAttempts: 1 });
    const early = client.send(read, callContext());
    // It is on the wire with the old secret when the new one is read; neither is known to be good yet.
    await until(() => expect(seen).toHaveLength(1));
    password = 'new';
    await client.send(read, callContext());
    answered.resolve();
    await expect(early).resolves.toMatchObject({ status: 200 });
  });

  it('comes back to life within half a minute when the secret is put right, without trying the wrong one again', async () => {
    const { state, call, refused } = await setUp({ password: 'right', stored: 'wrong' });
    await expect(call()).rejects.toMatchObject({
      code: 'CREDENTIALS_REJECTED',
      retryAfterMs: expect.any(Number),
    });
    state.stored = 'right';
    state.movedMs += 30_001;
    await call();
    expect(refused()).toBe(1);
  });
});

describe('a secret that cannot be used', () => {
  it('is read again every half minute, past the cache, until it has been put right', async () => {
    const { url } = await scriptedServer((response) => json(response, 200, { result: [] }));
    let movedMs = 0;
    const clock = { now: () => startMs + movedMs, sleep: systemClock.sleep };
    const good = JSON.stringify({ instanceUrl: url, auth: { type: 'api-key', apiKey: 'k' } });
    let stored = '{"instanceUrl":';
    let freshReads = 0;
    let cached = stored;
    const readSecret = ({ fresh }: { readonly fresh: boolean }) => {
      if (!fresh) return cached;
      freshReads += 1;
      cached = stored;
      return cached;
    };
    const client = clientFor({ instanceUrl: url }, { readSecret, clock });
    const call = () =>
      client.send(read, callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) })).then(
        () => 'ok',
        (error: unknown) => Object(error).code,
      );
    const outcomes: string[] = [];
    for (movedMs = 0; movedMs < 70_000; movedMs += 10_000) outcomes.push(await call());
    expect(new Set(outcomes)).toEqual(new Set(['CONFIGURATION_INVALID']));
    expect(freshReads).toBe(2);
    stored = good;
    movedMs = 95_000;
    expect(await Promise.all([call(), call(), call()])).toEqual(['ok', 'ok', 'ok']);
    expect(freshReads).toBe(3);
  });
});

describe('credentials that are good', () => {
  it('do not make calls wait for each other, even when all of them are refused for another reason', async () => {
    const { url, most } = await busyServer((response) => refuse(response, 404, 'No Record found'));
    const secret = { instanceUrl: url, auth: { type: 'basic', username: 'u', password: 'p' } } as const;
    const client = clientFor(secret);
    await Promise.allSettled(Array.from({ length: 12 }, () => client.send(read, callContext())));
    expect(most()).toBeGreaterThan(1);
  });
});

describe('credentials that are wrong from the start', () => {
  it('are tried by one call while the others wait for what it learns', async () => {
    const { server, call, state } = await setUp({ password: 'right', stored: 'wrong' });
    const results = await Promise.allSettled(Array.from({ length: 20 }, call));
    expect(new Set(codes(results))).toEqual(new Set(['CREDENTIALS_REJECTED']));
    expect(server.seen).toHaveLength(1);
    expect(state.freshReads).toBe(1);
  });

  it('are tried no more than twice in any minute, for as long as it lasts', async () => {
    const { server, call, state } = await setUp({ password: 'right', stored: 'wrong' });
    state.answerAfterMs = 0;
    const sentAtMs: number[] = [];
    for (state.movedMs = 0; state.movedMs < 300_000; state.movedMs += 3_000) {
      const before = server.seen.length;
      await expect(call()).rejects.toMatchObject({ code: 'CREDENTIALS_REJECTED' });
      for (let sent = before; sent < server.seen.length; sent += 1) sentAtMs.push(state.movedMs);
    }
    for (const atMs of sentAtMs) {
      expect(sentAtMs.filter((other) => other > atMs - 60_000 && other <= atMs).length).toBeLessThanOrEqual(
        2,
      );
    }
    expect(sentAtMs.length).toBeGreaterThanOrEqual(5);
    expect(state.freshReads).toBeLessThanOrEqual(12);
  });
});
