import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, it, onTestFinished } from 'vitest';
import { startLocalStack } from '../../cli/local-stack.ts';
import type { Stack } from '../../emulator/stack/stack.ts';
import { canary, disguises } from '../secrecy/disguises.ts';
import { until } from '../until.ts';

const local = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  maxAttempts: 1,
};
/** A running stack whose functions prove themselves with a client secret that we look out for; `left` gathers what they write. */
async function watchedStack() {
  const left: string[] = [];
  const dataFolder = await mkdtemp(join(tmpdir(), 'secrecy-'));
  const stack = await startLocalStack({ dataFolder, onLog: (line) => left.push(line) });
  onTestFinished(async () => {
    await stack.close();
    await rm(dataFolder, { recursive: true });
  });
  return { left, stack };
}

async function storeClientSecret(
  { instance, secretsManager, resources }: Stack,
  clientSecret: string,
): Promise<void> {
  const client = new SecretsManagerClient({ ...local, endpoint: secretsManager.url });
  const SecretId = resources.functions[0]?.environment['SERVICENOW_SECRET_ID'] ?? '';
  const auth = { type: 'oauth-client-credentials', clientId: 'watched', clientSecret };
  await client.send(
    new PutSecretValueCommand({
      SecretId,
      SecretString: JSON.stringify({ instanceUrl: instance.url, auth }),
    }),
  );
  client.destroy();
}

/** The token that the functions use: an instance gives out the same one until it ends. */
async function currentToken({ instance }: Stack, client_secret: string): Promise<string> {
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'watched', client_secret });
  const answer: unknown = await (
    await fetch(`${instance.url}/oauth_token.do`, { method: 'POST', body })
  ).json();
  return typeof answer === 'object' && answer && 'access_token' in answer ? String(answer.access_token) : '';
}

it('lets no secret, token or record out in log lines, metrics, errors or dead-letter attributes, whatever goes wrong', async () => {
  const { left, stack } = await watchedStack();
  const { endpoints, instance } = stack;
  const secrets = {
    client: canary('client-secret'),
    wrong: canary('wrong-secret'),
    record: canary('record'),
    query: canary('query'),
  };
  instance.state.auth.clients.add({
    clientId: 'watched',
    clientSecret: secrets.client,
    applicationUser: instance.username,
  });
  await storeClientSecret(stack, secrets.client);

  const record = { short_description: secrets.record };
  const table = `${endpoints.api}/api/now/table/incident`;
  const post = () =>
    fetch(table, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(record),
    });
  const list = () =>
    fetch(`${table}?sysparm_query=short_description%3D${encodeURIComponent(secrets.query)}&sysparm_limit=1`);
  const lambda = new LambdaClient({ ...local, endpoint: endpoints.lambda.endpoint });
  const invoke = async (key: string, event: object) => {
    const FunctionName = `servicenow-functions-dev-${key}`;
    const { Payload, FunctionError } = await lambda.send(
      new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
    );
    if (FunctionError) left.push(Payload?.transformToString() ?? '');
  };
  expect((await post()).status).toBe(201);
  expect((await list()).status).toBe(200);
  for (const action of [
    'error-after-commit',
    'server-error',
    'truncate',
    'reset-after-commit',
    'hibernate',
    'redirect',
    'error-in-ok',
    'expired-token',
  ]) {
    for (const call of [post, list]) {
      instance.state.control.faults.add({ action, match: { path: '/api/now/*' } });
      const answer = await call();
      if (!answer.ok) left.push(await answer.text());
    }
    instance.state.control.faults.add({ action, match: { path: '/api/now/*' } });
    await invoke('postRecord', { tableName: 'incident', record });
  }

  const sqs = new SQSClient({ ...local, endpoint: endpoints.sqs.endpoint });
  const poison = { action: 'update', table: 'incident', sysId: 'f'.repeat(32), record };
  const send = (message: object) =>
    sqs.send(
      new SendMessageCommand({
        QueueUrl: endpoints.sqs.recordsQueueUrl,
        MessageBody: JSON.stringify(message),
      }),
    );
  await send({ table: 'incident', record });
  await send(poison);
  const deadLetter = await until(async () => {
    const received = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: endpoints.sqs.recordsDlqUrl,
        MessageAttributeNames: ['All'],
        WaitTimeSeconds: 1,
      }),
    );
    expect(received.Messages).toHaveLength(1);
    return received.Messages?.[0]?.MessageAttributes ?? {};
  });
  left.push(JSON.stringify(deadLetter));

  const token = await currentToken(stack, secrets.client);
  await storeClientSecret(stack, secrets.wrong);
  instance.state.auth.tokens.revokeAll();
  instance.state.auth.clients.add({
    clientId: 'watched',
    clientSecret: canary('moved-on'),
    applicationUser: instance.username,
  });
  const rejected = await list();
  left.push(await rejected.text());
  expect(rejected.ok).toBe(false);
  for (const client of [sqs, lambda]) client.destroy();

  const everything = left.join('\n');
  expect(everything).toContain('credentials-rejected');
  expect(token).not.toBe('');
  for (const [name, secret] of Object.entries({ ...secrets, token, password: instance.password })) {
    for (const disguise of disguises(secret)) {
      const line = left.find((text) => text.includes(disguise));
      expect(line, `${name} is in it`).toBeUndefined();
    }
  }
});
