import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, exportJWK, importSPKI, jwtVerify } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addAccount } from '../../../../emulator/instance/auth/add-account.ts';
import { startInstance } from '../../../../emulator/instance/index.ts';
import { listRecords } from '../../../../lib/servicenow/records.ts';
import type { Auth } from '../../../../lib/servicenow/secret.ts';
import { json, scriptedServer } from '../scripted-server.ts';
import { callContext, clientFor } from '../testing.ts';
import { isTokenCall } from './token-server.ts';

const read = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' } as const;

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
    addAccount(instance.state.auth, {
      userName: 'robot',
      password: 'p',
      roles: ['itil'],
      apiKeys: ['key-of-the-robot'],
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
        { type: 'api-key', apiKey: 'key-of-the-robot' },
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

  const shortKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const curveKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const withPassphrase = { type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'p' } as const;
  it.each([
    ['no key at all', 'canary-no-pem', 'PEM'],
    ['a key that is too short', shortKey.export({ type: 'pkcs8', format: 'pem' }), '2048 bits'],
    ['a key of another kind', curveKey.export({ type: 'pkcs8', format: 'pem' }), 'RSA'],
    ['a key under a passphrase', pair.privateKey.export(withPassphrase), 'without a passphrase'],
  ])('says that the field of the secret holds %s', async (_what, privateKey, said) => {
    const jwt: Auth = {
      type: 'oauth-jwt-bearer',
      clientId: 'j',
      clientSecret: 's',
      privateKey: privateKey.toString(),
      keyId: 'k',
      sub: 'u',
    };
    const error = clientFor({ instanceUrl: 'http://127.0.0.1:1', auth: jwt }).send(read, callContext());
    await expect(error).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      setting: 'secret.auth.privateKey',
    });
    await expect(error).rejects.toThrow(said);
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
