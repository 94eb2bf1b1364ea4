import { describe, expect, it } from 'vitest';
import { deadlineAt, systemClock } from '../../../../lib/core/clock.ts';
import { createRedactor } from '../../../../lib/core/redaction.ts';
import { json, refuse, scriptedServer } from '../scripted-server.ts';
import { callContext, clientFor } from '../testing.ts';
import { auth, isTokenCall, tokenServer } from './token-server.ts';

/** The clock of these tests moves only as they say, however slow the machine is. */
const startMs = Date.now();

const read = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' } as const;

describe('OAuth tokens', () => {
  it('are fetched once for all calls that wait for the first', async () => {
    const { url, tokenCalls, seen } = await tokenServer(() => 1800);
    const client = clientFor({ instanceUrl: url, auth: { ...auth, scope: 'useraccount' } });
    await Promise.all(Array.from({ length: 8 }, () => client.send(read, callContext())));
    expect(tokenCalls()).toBe(1);
    expect(Object.fromEntries(new URLSearchParams(seen[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client',
      client_secret: 'client-secret',
      scope: 'useraccount',
    });
  });

  it('are renewed a minute before they end', async () => {
    let movedMs = 0;
    const clock = { now: () => startMs + movedMs, sleep: systemClock.sleep };
    const context = () => callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) });
    const { url, tokensUsed } = await tokenServer(() => 1800);
    const client = clientFor({ instanceUrl: url, auth }, { clock });
    await client.send(read, context());
    movedMs = 1_735_000;
    await client.send(read, context());
    movedMs = 1_741_000;
    await client.send(read, context());
    expect(tokensUsed()).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  it('that live for less than a minute are used for half of their life', async () => {
    let movedMs = 0;
    const clock = { now: () => startMs + movedMs, sleep: systemClock.sleep };
    const context = () => callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) });
    const { url, tokensUsed } = await tokenServer(() => 40);
    const client = clientFor({ instanceUrl: url, auth }, { clock });
    for (movedMs = 0; movedMs <= 24_000; movedMs += 8_000) await client.send(read, context());
    expect(tokensUsed()).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  it('that are still valid stay in use while the token endpoint is down, and are renewed when it is back', async () => {
    let movedMs = 0;
    const clock = { now: () => startMs + movedMs, sleep: systemClock.sleep };
    const context = () => callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) });
    const { url, tokensUsed, tokenCalls, takeAway } = await tokenServer(() => 1800);
    const client = clientFor({ instanceUrl: url, auth }, { clock, maxAttempts: 1 });
    await client.send(read, context());
    takeAway((response) => refuse(response, 503, 'restarting'));
    for (movedMs = 1_741_000; movedMs < 1_749_000; movedMs += 2_000) await client.send(read, context());
    expect(tokenCalls()).toBe(2);
    takeAway(undefined);
    movedMs = 1_755_000;
    await client.send(read, context());
    expect(tokensUsed()).toEqual([...Array.from({ length: 5 }, () => 'Bearer t1'), 'Bearer t2']);
    takeAway((response) => refuse(response, 503, 'restarting'));
    movedMs += 1_800_000;
    await expect(client.send(read, context())).rejects.toMatchObject({
      code: 'INSTANCE_UNAVAILABLE',
      sent: false,
    });
  });

  it('that are still valid keep calls going while the token endpoint hangs', async () => {
    let movedMs = 0;
    const sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms <= 2_000 ? 20 : ms, signal);
    const clock = { now: () => startMs + movedMs, sleep };
    const context = () => callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) });
    const { url, tokensUsed, takeAway } = await tokenServer(() => 1800);
    const client = clientFor({ instanceUrl: url, auth }, { clock, maxAttempts: 1 });
    await client.send(read, context());
    takeAway(() => undefined);
    movedMs = 1_741_000;
    await Promise.all(Array.from({ length: 4 }, () => client.send(read, context())));
    expect(tokensUsed()).toEqual(Array.from({ length: 5 }, () => 'Bearer t1'));
  });

  it('are not replaced by an older one, where a call gave up waiting just when the newer one came', async () => {
    let movedMs = 0;
    const renewalWait = Promise.withResolvers<void>();
    const sleep = (ms: number, signal?: AbortSignal) =>
      ms > 1_000 && ms <= 2_000 ? renewalWait.promise : systemClock.sleep(ms, signal);
    const clock = { now: () => startMs + movedMs, sleep };
    const context = () => callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) });
    let refreshes = 0;
    // The newer token is there at this moment, and the call that waits for it has not resumed yet.
    const add = (name: string) =>
      void (name === 'TokenRefreshes' && ++refreshes === 2 && renewalWait.resolve());
    const { url, tokensUsed } = await tokenServer(() => 1800);
    const client = clientFor({ instanceUrl: url, auth }, { clock, metrics: { add } });
    await client.send(read, context());
    movedMs = 1_741_000;
    await client.send(read, context());
    await client.send(read, context());
    expect(tokensUsed()).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  it('are not asked for again and again while the instance keeps giving out the same one', async () => {
    let movedMs = 0;
    const clock = { now: () => startMs + movedMs, sleep: systemClock.sleep };
    const context = () => callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) });
    const endsMs = startMs + 50_000;
    const left = () => Math.floor((endsMs - clock.now()) / 1000);
    const { url, tokenCalls } = await tokenServer(left, undefined, () => 'same');
    const client = clientFor({ instanceUrl: url, auth }, { clock });
    for (movedMs = 0; movedMs < 48_000; movedMs += 2_000) await client.send(read, context());
    expect(tokenCalls()).toBe(2);
  });

  it('that are revoked early are replaced once for all calls that met the 401, including writes', async () => {
    let alive = 't1';
    const { url, tokenCalls } = await tokenServer(
      () => 1800,
      (token) => token === alive,
    );
    const client = clientFor({ instanceUrl: url, auth });
    await client.send(read, callContext());
    alive = 't2';
    const write = { method: 'POST', path: '/api/now/table/incident', body: {}, repeatable: 'never' } as const;
    await Promise.all(Array.from({ length: 8 }, () => client.send(write, callContext())));
    expect(tokenCalls()).toBe(2);
  });

  it('that another call has renewed meanwhile are used by one whose 401 comes late', async () => {
    let alive = 't1';
    const late = Promise.withResolvers<void>();
    let tokenCalls = 0;
    const { url } = await scriptedServer(async (response, request) => {
      if (isTokenCall(request)) {
        tokenCalls += 1;
        return json(response, 200, {
          access_token: `t${tokenCalls}`,
          token_type: 'Bearer',
          expires_in: 1800,
        });
      }
      const good = request.headers.authorization === `Bearer ${alive}`;
      if (!good && request.url.includes('slow')) await late.promise;
      return good ? json(response, 200, { result: [] }) : refuse(response, 401, 'User Not Authenticated');
    });
    const client = clientFor({ instanceUrl: url, auth });
    await client.send(read, callContext());
    alive = 't2';
    const slow = client.send({ ...read, query: new URLSearchParams({ slow: '1' }) }, callContext());
    await client.send(read, callContext());
    late.resolve();
    await slow;
    expect(tokenCalls).toBe(2);
  });

  it('are protected from being shown as soon as they are there', async () => {
    const redactor = createRedactor();
    const { url } = await tokenServer(
      () => 1800,
      undefined,
      () => 'a-token-to-hide',
    );
    await clientFor({ instanceUrl: url, auth }, { redactor }).send(read, callContext());
    expect(redactor.redact('Bearer a-token-to-hide, client-secret')).toBe('Bearer [redacted], [redacted]');
  });

  it('that come back the same after a 401 are not tried again', async () => {
    const { url, tokensUsed, tokenCalls } = await tokenServer(
      () => 1800,
      () => false,
      () => 'same',
    );
    const client = clientFor({ instanceUrl: url, auth });
    await expect(client.send(read, callContext())).rejects.toMatchObject({
      code: 'CREDENTIALS_REJECTED',
      status: 401,
    });
    expect({ used: tokensUsed().length, tokenCalls: tokenCalls() }).toEqual({ used: 1, tokenCalls: 2 });
  });

  it('are not shared between two secrets for one instance', async () => {
    const { url, tokensUsed } = await tokenServer(() => 1800);
    await clientFor({ instanceUrl: url, auth }).send(read, callContext());
    await clientFor({ instanceUrl: url, auth: { ...auth, clientId: 'other' } }).send(read, callContext());
    expect(tokensUsed()).toEqual(['Bearer t1', 'Bearer t2']);
  });
});
