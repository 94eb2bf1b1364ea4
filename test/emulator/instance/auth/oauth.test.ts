import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

const tokenAnswer = z.strictObject({
  access_token: z.string(),
  refresh_token: z.string().optional(),
  scope: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.number(),
});

describe('POST /oauth_token.do', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance();
    instance.control.clock.freeze();
  });
  afterEach(() => instance.close());

  const ask = (form: Record<string, string>) => {
    const { clientId: client_id, clientSecret: client_secret } = instance.oauth;
    return call(instance, 'POST', '/oauth_token.do', { form: { client_id, client_secret, ...form }, as: '' });
  };
  const password = (extra: Record<string, string> = {}) =>
    ask({ grant_type: 'password', username: instance.username, password: instance.password, ...extra });
  const listWith = (token: string) =>
    call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1', {
      as: '',
      headers: { Authorization: `Bearer ${token}` },
    });

  it('gives a token for a password that opens the API', async () => {
    const reply = await password();
    expect([reply.status, reply.headers.get('x-is-logged-in')]).toEqual([200, 'false']);
    const answer = tokenAnswer.parse(reply.json);
    expect(answer).toMatchObject({ scope: 'useraccount', expires_in: 1_800 });
    expect((await listWith(answer.access_token)).status).toBe(200);
  });

  it('gives the same token until it expires, with what is left of its life', async () => {
    const first = tokenAnswer.parse((await password()).json);
    await instance.control.clock.advance(1_000_000);
    const second = tokenAnswer.parse((await password()).json);
    expect(second.access_token).toBe(first.access_token);
    expect(second.expires_in).toBe(800);
    await instance.control.clock.advance(800_000);
    const third = tokenAnswer.parse((await password()).json);
    expect(third.access_token).not.toBe(first.access_token);
    expect(third.refresh_token).toBe(first.refresh_token);
    const dead = await listWith(first.access_token);
    expect(dead.status).toBe(401);
    expect(dead.headers.get('www-authenticate')).toBe('Basic realm="Service-now"');
  });

  it('refreshes with the refresh token, which stays the same', async () => {
    const first = tokenAnswer.parse((await password()).json);
    await instance.control.clock.advance(1_800_000);
    const refresh_token = first.refresh_token ?? '';
    const second = tokenAnswer.parse((await ask({ grant_type: 'refresh_token', refresh_token })).json);
    expect(second.refresh_token).toBe(refresh_token);
    expect(second.access_token).not.toBe(first.access_token);
    await instance.control.clock.advance(8_640_000_000);
    expect((await ask({ grant_type: 'refresh_token', refresh_token })).status).toBe(401);
  });

  it('gives the application its own user for client credentials, without a refresh token', async () => {
    const answer = tokenAnswer.parse((await ask({ grant_type: 'client_credentials' })).json);
    expect(answer.refresh_token).toBeUndefined();
    await listWith(answer.access_token);
    expect(instance.control.ledger.select().at(-1)?.user).toBe(instance.username);
  });

  it.each([
    ['a wrong password', { grant_type: 'password', username: 'integration.user', password: 'wrong' }],
    ['an unknown user', { grant_type: 'password', username: 'stranger', password: 'x' }],
    ['a wrong secret', { grant_type: 'client_credentials', client_secret: 'wrong' }],
    ['an unknown application', { grant_type: 'client_credentials', client_id: 'wrong' }],
    ['a dead refresh token', { grant_type: 'refresh_token', refresh_token: 'dead' }],
    ['an unknown grant', { grant_type: 'magic' }],
  ])('answers %s with the one recorded refusal', async (_, form) => {
    const reply = await ask(form);
    expect(reply.status).toBe(401);
    expect(reply.json).toEqual({ error_description: 'access_denied', error: 'server_error' });
  });

  it('may leave the refresh token out of a refresh, and may refuse client credentials', async () => {
    const { refresh_token = '' } = tokenAnswer.parse((await password()).json);
    instance.control.change({ refreshEchoesRefreshToken: false, clientCredentialsEnabled: false });
    const refreshed = await ask({ grant_type: 'refresh_token', refresh_token });
    expect(tokenAnswer.parse(refreshed.json).refresh_token).toBeUndefined();
    expect((await ask({ grant_type: 'client_credentials' })).status).toBe(401);
  });

  it('takes its parameters from a form in the body and from nowhere else', async () => {
    const { clientId, clientSecret } = instance.oauth;
    const query = `grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`;
    expect((await call(instance, 'POST', `/oauth_token.do?${query}`, { as: '' })).status).toBe(401);
    const json = Object.fromEntries(new URLSearchParams(query));
    expect((await call(instance, 'POST', '/oauth_token.do', { json, as: '' })).status).toBe(401);
  });

  it('exchanges an authorization code once, and only with the verifier of its challenge', async () => {
    const redirect_uri = 'http://127.0.0.1/callback';
    const code_verifier = 'v'.repeat(43);
    const authorize = async () => {
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: instance.oauth.clientId,
        redirect_uri,
        state: 's1',
        code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
        code_challenge_method: 'S256',
      });
      const reply = await call(instance, 'GET', `/oauth_auth.do?${query}`);
      expect(reply.status).toBe(302);
      const location = new URL(reply.headers.get('location') ?? '');
      expect(location.searchParams.get('state')).toBe('s1');
      return location.searchParams.get('code') ?? '';
    };
    const exchange = (code: string, verifier: string) =>
      call(instance, 'POST', '/oauth_token.do', {
        as: '',
        form: {
          grant_type: 'authorization_code',
          client_id: instance.oauth.clientId,
          code,
          redirect_uri,
          code_verifier: verifier,
        },
      });
    expect((await exchange(await authorize(), 'w'.repeat(43))).status).toBe(401);
    const code = await authorize();
    const answer = tokenAnswer.parse((await exchange(code, code_verifier)).json);
    expect(answer.refresh_token).toBeDefined();
    expect((await exchange(code, code_verifier)).status).toBe(401);
  });

  it('verifies a JWT against the configured key, its audience, issuer, subject and life', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const { privateKey: foreignKey } = await generateKeyPair('RS256');
    const { clientId } = instance.oauth;
    instance.control.auth.clients.add({
      ...instance.oauth,
      jwt: { key: await exportJWK(publicKey), userColumn: 'email' },
    });
    const nowS = Math.floor(instance.control.clock.now() / 1000);
    const sign = (claims: { sub?: string; aud?: string; exp?: number; jti?: string }, key = privateKey) =>
      new SignJWT({ sub: 'integration.user@example.com', jti: 'same', ...claims })
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer(clientId)
        .setAudience(claims.aud ?? clientId)
        .setExpirationTime(claims.exp ?? nowS + 60)
        .sign(key);
    const grant = async (assertion: Promise<string>) =>
      ask({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: await assertion,
      });
    const good = tokenAnswer.parse((await grant(sign({}))).json);
    expect(good.refresh_token).toBeUndefined();
    expect((await listWith(good.access_token)).status).toBe(200);
    const skewed = await grant(sign({ exp: nowS - 299 }));
    const refused = await Promise.all([
      grant(sign({}, foreignKey)),
      grant(sign({ aud: 'other' })),
      grant(sign({ sub: 'stranger@example.com' })),
      grant(sign({ exp: nowS - 301 })),
      grant(Promise.resolve('no.jwt.atall')),
    ]);
    expect(skewed.status).toBe(200);
    expect(refused.map((reply) => reply.status)).toEqual([401, 401, 401, 401, 401]);
    instance.control.change({ jwtReplayCheck: true });
    const statuses: number[] = [];
    for (const jti of ['a', 'a', 'b']) statuses.push((await grant(sign({ jti }))).status);
    expect(statuses).toEqual([200, 401, 200]);
  });
});

describe('a token without scope', () => {
  it('is handed out by instances that want the scope asked for, and opens nothing', async () => {
    const instance = await startInstance({ switches: { oauthScopeOnlyWhenAsked: true } });
    const { clientId: client_id, clientSecret: client_secret } = instance.oauth;
    const form = { grant_type: 'client_credentials', client_id, client_secret };
    const token = async (extra: Record<string, string>) => {
      const reply = await call(instance, 'POST', '/oauth_token.do', { form: { ...form, ...extra }, as: '' });
      return tokenAnswer.parse(reply.json);
    };
    const list = (accessToken: string) =>
      call(instance, 'GET', '/api/now/table/incident', {
        as: '',
        headers: { Authorization: `Bearer ${accessToken}` },
      });
    const empty = await token({});
    expect(empty.scope).toBe('');
    const refused = await list(empty.access_token);
    expect(refused.status).toBe(403);
    expect(refused.json).toMatchObject({ error: { message: 'Access to unscoped api is not allowed' } });
    const asked = await token({ scope: 'useraccount' });
    expect((await list(asked.access_token)).status).toBe(200);
    await instance.close();
  });
});
