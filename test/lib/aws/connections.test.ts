import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { LoopbackServer } from '../../../emulator/aws/loopback-server.ts';
import { startSecretsManager } from '../../../emulator/aws/secrets-manager/secrets-manager.ts';
import { startInstance } from '../../../emulator/instance/index.ts';
import { type Connections, createConnections } from '../../../lib/aws/connections.ts';
import { readConfig } from '../../../lib/core/config.ts';
import { type LogFields, silentLog } from '../../../lib/core/log.ts';
import type { MetricName } from '../../../lib/core/metrics.ts';
import { listRecords } from '../../../lib/servicenow/records.ts';
import { json, refuse, scriptedServer } from '../servicenow/scripted-server.ts';
import { callContext } from '../servicenow/testing.ts';

const environment = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
const before = { ...process.env };
let secretsManager: LoopbackServer;
let admin: SecretsManagerClient;

// The client of lib/aws/secrets.ts is kept for the process, so one emulator serves all tests of this file.
beforeAll(async () => {
  secretsManager = await startSecretsManager();
});
afterAll(() => secretsManager.close());

beforeEach(() => {
  Object.assign(process.env, environment, { AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url });
  admin = new SecretsManagerClient({});
});

afterEach(() => {
  admin.destroy();
  process.env = { ...before };
});

type Watched = Connections & { readonly counted: Map<MetricName, number>; readonly lines: LogFields[] };

function connectionsTo(settings: Record<string, string>): Watched {
  const lines: LogFields[] = [];
  const info = (_event: string, fields: LogFields = {}) => void lines.push(fields);
  const counted = new Map<MetricName, number>();
  const metrics = {
    add: (name: MetricName, value = 1) => void counted.set(name, (counted.get(name) ?? 0) + value),
  };
  const config = readConfig({ ALLOWED_HOSTS: '127.0.0.1', ALLOWED_TABLES: '*', ...settings });
  const connections = createConnections({ config, metrics, log: { ...silentLog, info } });
  onTestFinished(() => connections.close());
  return { ...connections, counted, lines };
}

const store = (Name: string, secret: unknown) =>
  admin.send(new CreateSecretCommand({ Name, SecretString: JSON.stringify(secret) }));
const rotate = (SecretId: string, secret: unknown, stages?: string[]) =>
  admin.send(
    new PutSecretValueCommand({
      SecretId,
      SecretString: JSON.stringify(secret),
      ...(stages ? { VersionStages: stages } : {}),
    }),
  );

describe('connections by secret', () => {
  it('cost a cold start one read of the secret and one token, however many calls come at once', async () => {
    const instance = await startInstance();
    onTestFinished(() => instance.close());
    await store('cold', {
      instanceUrl: instance.url,
      auth: { type: 'oauth-client-credentials', ...instance.oauth },
    });
    const connections = connectionsTo({ SERVICENOW_SECRET_ID: 'cold' });
    const call = () =>
      listRecords(connections.connect().client, { table: 'incident', limit: 1 }, callContext());
    await Promise.all(Array.from({ length: 8 }, call));
    expect(connections.counted.get('SecretReads')).toBe(1);
    expect(connections.counted.get('TokenRefreshes')).toBe(1);
    expect(connections.counted.get('Requests')).toBe(8);
  });

  it('follow a rotation in mid-run with one more read, and never use what is still pending', async () => {
    let password = 'old';
    const { url, seen } = await scriptedServer((response, { headers }) => {
      const expected = `Basic ${Buffer.from(`user:${password}`).toString('base64')}`;
      if (headers.authorization === expected) json(response, 200, { result: [] });
      else refuse(response, 401, 'User Not Authenticated');
    });
    const secretWith = (text: string) => ({
      instanceUrl: url,
      auth: { type: 'basic', username: 'user', password: text },
    });
    await store('rotated', secretWith('old'));
    const connections = connectionsTo({ SERVICENOW_SECRET_ID: 'rotated' });
    const call = () => listRecords(connections.connect().client, { table: 'incident' }, callContext());
    await call();
    await rotate('rotated', secretWith('pending'), ['AWSPENDING']);
    await call();
    await rotate('rotated', secretWith('new'));
    password = 'new';
    await Promise.all(Array.from({ length: 8 }, call));
    expect(connections.counted.get('SecretReads')).toBe(2);
    const pending = `Basic ${Buffer.from('user:pending').toString('base64')}`;
    expect(seen.filter(({ headers }) => headers.authorization === pending)).toHaveLength(0);
  });

  it('never mix two instances: not their credentials, tokens, tables or deadlines', async () => {
    const start = (name: string) =>
      scriptedServer(async (response, { url }) => {
        if (url === '/oauth_token.do')
          return json(response, 200, {
            access_token: `token-of-${name}`,
            token_type: 'Bearer',
            expires_in: 1800,
          });
        await new Promise((resolve) => setTimeout(resolve, name === 'prod' ? 3 : 1));
        return json(response, 200, { result: [{ number: name }] });
      });
    const servers = { prod: await start('prod'), dev: await start('dev') };
    for (const [name, { url }] of Object.entries(servers)) {
      await store(`two/${name}`, {
        instanceUrl: url,
        auth: { type: 'oauth-client-credentials', clientId: name, clientSecret: `${name}-secret` },
      });
    }
    const connections = connectionsTo({ SERVICENOW_SECRET_ID: '{"prod":"two/prod","dev":"two/dev"}' });
    const call = async (name: 'prod' | 'dev') => {
      const { client } = connections.connect(name);
      const { records } = await listRecords(
        client,
        { table: 'incident' },
        callContext({ correlationId: `for-${name}` }),
      );
      expect(records).toEqual([{ number: name }]);
    };
    await Promise.all(Array.from({ length: 40 }, (_, index) => call(index % 2 ? 'prod' : 'dev')));
    for (const [name, { seen }] of Object.entries(servers)) {
      const other = name === 'prod' ? 'dev' : 'prod';
      expect(JSON.stringify(seen)).not.toContain(other);
      expect(seen.filter(({ url }) => url === '/oauth_token.do')).toHaveLength(1);
    }
    expect(
      new Set(connections.lines.map(({ correlationId, instance }) => `${correlationId} ${instance}`)),
    ).toEqual(new Set(['for-prod prod', 'for-dev dev']));
    expect(connections.connect('prod').client).toBe(connections.connect().client);
  });

  it.each([
    ['does-not-exist', 'CONFIGURATION_INVALID'],
    ['broken', 'CONFIGURATION_INVALID'],
  ])('say what is wrong with the secret %s', async (secretId, code) => {
    if (secretId === 'broken') await store('broken', { instanceUrl: 'canary-value' });
    const { client } = connectionsTo({ SERVICENOW_SECRET_ID: secretId }).connect();
    const error = listRecords(client, { table: 'incident' }, callContext());
    await expect(error).rejects.toMatchObject({ code });
    await expect(error).rejects.not.toThrow('canary-value');
  });
});
