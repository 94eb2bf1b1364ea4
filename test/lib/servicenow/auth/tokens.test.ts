import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, exportJWK, importSPKI, jwtVerify } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../lib/core/clock.ts';
import { deadlineAt } from '../../../../lib/core/deadline.ts';
import { createRedactor } from '../../../../lib/core/redaction.ts';
import type { Auth } from '../../../../lib/servicenow/connection-secret.ts';
import { listRecords } from '../../../../lib/servicenow/table.ts';
import { startInstance } from '../../../../local/instance/index.ts';
import { json, refuse, scriptedServer } from '../scripted-server.ts';
import { callContext, clientFor } from '../testing.ts';

const auth: Auth = { type: 'oauth-client-credentials', clientId: 'client', clientSecret: 'client-secret' };
const read = { method: 'GET', path: '/api/now/table/incident', repeatable: 'idempotent' } as const;
const isTokenCall = ({ url }: { url: string }) => url === '/oauth_token.do';

/** An instance that gives out the tokens t1, t2, … each valid for `lifeSeconds`, and accepts those that `accepts` says. */
async function tokenServer(
  lifeSeconds: () => number,
  accepts: (token: string) => boolean = () => true,
  next = (count: number) => `t${count}`,
) {
  let given = 0;
  const server = await scriptedServer((response, request) => {
    if (isTokenCall(request)) {
      given += 1;
      return json(response, 200, {
        access_token: next(given),
        token_type: 'Bearer',
        expires_in: lifeSeconds(),
        scope: 'useraccount',
      });
    }
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    return accepts(token)
      ? json(response, 200, { result: [] })
      : refuse(response, 401, 'User Not Authenticated');
  });
  const tokenCalls = () => server.seen.filter(isTokenCall).length;
  const tokensUsed = () =>
    server.seen.filter((request) => !isTokenCall(request)).map(({ headers }) => headers.authorization);
  return { ...server, tokenCalls, tokensUsed };
}

describe('OAuth tokens', () => {
  it('are fetched once for all who wait for the first', async () => {
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
    const clock = { now: () => Date.now() + movedMs, sleep: systemClock.sleep };
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
    const clock = { now: () => Date.now() + movedMs, sleep: systemClock.sleep };
    const context = () => callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) });
    const { url, tokensUsed } = await tokenServer(() => 40);
    const client = clientFor({ instanceUrl: url, auth }, { clock });
    for (movedMs = 0; movedMs <= 24_000; movedMs += 8_000) await client.send(read, context());
    expect(tokensUsed()).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  it('that stall are asked for once more while the caller has time', async () => {
    const { url } = await scriptedServer((response, request, index) => {
      if (index === 0) return;
      if (!isTokenCall(request)) return json(response, 200, { result: [] });
      json(response, 200, { access_token: 't', token_type: 'Bearer', expires_in: 1800 });
    });
    const client = clientFor({ instanceUrl: url, auth }, { tokenTimeoutMs: 50 });
    await client.send({ ...read, method: 'POST', repeatable: 'never' }, callContext());
  });

  it('are not asked for again and again while the instance keeps giving out the same one', async () => {
    let movedMs = 0;
    const clock = { now: () => Date.now() + movedMs, sleep: systemClock.sleep };
    const context = () => callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) });
    const endsMs = Date.now() + 50_000;
    const left = () => Math.floor((endsMs - clock.now()) / 1000);
    const { url, tokenCalls } = await tokenServer(left, undefined, () => 'same');
    const client = clientFor({ instanceUrl: url, auth }, { clock });
    for (movedMs = 0; movedMs < 48_000; movedMs += 2_000) await client.send(read, context());
    expect(tokenCalls()).toBe(2);
  });

  it('that died early are replaced once, also for writes, for all who met the 401', async () => {
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

  it('that cannot be had right now do not keep a write from being tried again: nothing of it was sent', async () => {
    let calls = 0;
    const { url, seen } = await scriptedServer((response, request) => {
      if (!isTokenCall(request)) return json(response, 201, { result: {} });
      calls += 1;
      if (calls === 1) return void response.destroy();
      if (calls === 2) return refuse(response, 503, 'restarting');
      return json(response, 200, { access_token: 'x', token_type: 'Bearer' });
    });
    const write = { method: 'POST', path: '/api/now/table/incident', body: {}, repeatable: 'never' } as const;
    const answer = await clientFor({ instanceUrl: url, auth }).send(write, callContext());
    expect({
      attempts: answer.attempts,
      writes: seen.filter((request) => !isTokenCall(request)).length,
    }).toEqual({ attempts: 3, writes: 1 });
  });

  it('from a slow endpoint keep each caller only as long as its own deadline', async () => {
    const { url } = await scriptedServer(() => undefined);
    const client = clientFor({ instanceUrl: url, auth }, { tokenTimeoutMs: 5_000 });
    const started = performance.now();
    const deadline = deadlineAt(Date.now() + 60, systemClock);
    await expect(client.send(read, callContext({ deadline }))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('from a sleeping instance are told as such', async () => {
    const { url } = await scriptedServer((response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Hibernating Instance</title>');
    });
    const client = clientFor({ instanceUrl: url, auth }, { maxAttempts: 1 });
    await expect(client.send(read, callContext())).rejects.toMatchObject({
      code: 'INSTANCE_ASLEEP',
      sent: false,
    });
  });

  it('without a scope are explained', async () => {
    const { url } = await scriptedServer((response, request) =>
      isTokenCall(request)
        ? json(response, 200, { access_token: 'x', token_type: 'Bearer', scope: '' })
        : refuse(response, 403, 'Access to unscoped api is not allowed'),
    );
    const error = clientFor({ instanceUrl: url, auth }).send(read, callContext());
    await expect(error).rejects.toMatchObject({ code: 'SCOPE_MISSING' });
    await expect(error).rejects.toThrow('"scope": "useraccount"');
  });

  it('never show up in an error, nor do the secrets they were asked with', async () => {
    const { url } = await scriptedServer((response) =>
      json(response, 400, { error: 'invalid_client', error_description: 'no' }),
    );
    const { inspect } = await import('node:util');
    const error = await clientFor({ instanceUrl: url, auth })
      .send(read, callContext())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CREDENTIALS_REJECTED' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('client-secret');
  });
});

describe('every grant, against the instance', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();

  async function start() {
    const instance = await startInstance();
    onTestFinished(() => instance.close());
    const { clientId, clientSecret } = instance.oauth;
    const key = await exportJWK(await importSPKI(publicPem, 'RS256'));
    instance.state.auth.clients.add({
      clientId: 'jwt',
      clientSecret: 'jwt-secret',
      jwt: { key: { ...key, alg: 'RS256' } },
    });
    return {
      instance,
      user: { username: instance.username, password: instance.password },
      app: { clientId, clientSecret },
    };
  }

  it('reads a table with each of them', async () => {
    const { instance, user, app } = await start();
    const refreshToken = await refreshTokenFor(instance.url, { ...app, ...user });
    for (const pem of [
      { type: 'pkcs8', format: 'pem' },
      { type: 'pkcs1', format: 'pem' },
    ] as const) {
      const privateKey = pair.privateKey.export(pem).toString();
      const grants: readonly Auth[] = [
        { type: 'basic', ...user },
        { type: 'oauth-client-credentials', ...app },
        { type: 'oauth-password', ...app, ...user },
        { type: 'oauth-refresh-token', ...app, refreshToken },
        {
          type: 'oauth-jwt-bearer',
          clientId: 'jwt',
          clientSecret: 'jwt-secret',
          privateKey,
          keyId: 'k1',
          sub: user.username,
        },
      ];
      for (const grant of grants) {
        const client = clientFor({ instanceUrl: instance.url, auth: grant }, { maxAttempts: 1 });
        const { records } = await listRecords(client, { table: 'incident', limit: 1 }, callContext());
        expect(records, grant.type).toHaveLength(1);
      }
    }
  });

  it('signs a JWT with the instance’s time when ours is wrong', async () => {
    const serverAheadMs = 3_600_000;
    const assertions: string[] = [];
    const { url } = await scriptedServer(async (response, request) => {
      const date = { date: new Date(Date.now() + serverAheadMs).toUTCString() };
      if (!isTokenCall(request)) return json(response, 200, { result: [] }, date);
      const assertion = new URLSearchParams(request.body).get('assertion') ?? '';
      assertions.push(assertion);
      const verified = await jwtVerify(assertion, pair.publicKey, {
        currentDate: new Date(Date.now() + serverAheadMs),
      }).catch(() => undefined);
      if (!verified)
        return json(response, 401, { error: 'server_error', error_description: 'access_denied' }, date);
      expect(verified.protectedHeader).toMatchObject({ alg: 'RS256', kid: 'k1' });
      expect(verified.payload).toMatchObject({ iss: 'jwt', aud: 'jwt', sub: 'integration.user' });
      return json(response, 200, { access_token: 'x', token_type: 'Bearer' }, date);
    });
    const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const jwt: Auth = {
      type: 'oauth-jwt-bearer',
      clientId: 'jwt',
      clientSecret: 's',
      privateKey,
      keyId: 'k1',
      sub: 'integration.user',
    };
    await clientFor({ instanceUrl: url, auth: jwt }).send(read, callContext());
    expect(assertions).toHaveLength(2);
    // An instance may refuse to see the same assertion twice.
    expect(new Set(assertions.map((assertion) => decodeJwt(assertion).jti)).size).toBe(2);
  });

  it('says which field of the secret is not a key', async () => {
    const redactor = createRedactor();
    const jwt: Auth = {
      type: 'oauth-jwt-bearer',
      clientId: 'j',
      clientSecret: 's',
      privateKey: 'canary-no-pem',
      keyId: 'k',
      sub: 'u',
    };
    const client = clientFor({ instanceUrl: 'http://127.0.0.1:1', auth: jwt }, { redactor });
    const error = client.send(read, callContext());
    await expect(error).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      setting: 'secret.auth.privateKey',
    });
    await expect(error).rejects.not.toThrow('canary');
  });
});

async function refreshTokenFor(
  url: string,
  fields: { clientId: string; clientSecret: string; username: string; password: string },
): Promise<string> {
  const { clientId: client_id, clientSecret: client_secret, ...user } = fields;
  const body = new URLSearchParams({ grant_type: 'password', client_id, client_secret, ...user });
  const answer: unknown = await (await fetch(`${url}/oauth_token.do`, { method: 'POST', body })).json();
  if (typeof answer === 'object' && answer && 'refresh_token' in answer) return String(answer.refresh_token);
  throw new Error('no refresh token was given');
}
