import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type LocalStackOptions, startLocalStack } from '../../cli/local-stack.ts';
import type { Instance } from '../../emulator/instance/index.ts';
import type { Stack } from '../../emulator/stack/stack.ts';
import type { SecrecyWatch } from './watch.ts';

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const username = 'watched.user';

/** Starts a stack whose functions prove themselves with secrets of the watch, and lets the watch see all they write. */
export async function startWatchedStack(
  options: LocalStackOptions,
  watch: SecrecyWatch,
  kind: 'oauth-password' | 'api-key' = 'oauth-password',
): Promise<Stack> {
  const password = watch.secret('password');
  const apiKey = watch.secret('api-key');
  const user = { userName: username, password, apiKeys: [apiKey], roles: ['admin'] };
  const stack = await startLocalStack({
    ...options,
    instance: { ...options.instance, accounts: [user] },
    onLog: (line, key) => {
      watch.onLog(line, key);
      options.onLog?.(line, key);
    },
    onAnswer: watch.onAnswer,
  });
  const client = { clientId: 'watched', clientSecret: watch.secret('client-secret') };
  stack.instance.state.auth.clients.add(client);
  watchTokens(stack.instance, watch);
  const auth = kind === 'api-key' ? { type: kind, apiKey } : { type: kind, ...client, username, password };
  await storeSecret(stack, auth);
  return stack;
}

/** Tokens are secrets too, each that is given out. */
export function watchTokens({ state }: Instance, watch: SecrecyWatch): void {
  const { tokens } = state.auth;
  const issue = tokens.issue.bind(tokens);
  tokens.issue = (...grant) => {
    const answer = issue(...grant);
    watch.learn('access-token', answer.access_token);
    if (answer.refresh_token) watch.learn('refresh-token', answer.refresh_token);
    return answer;
  };
}

async function storeSecret({ instance, secretsManager, resources }: Stack, auth: object): Promise<void> {
  const client = new SecretsManagerClient({ ...local, endpoint: secretsManager.url });
  const SecretId = resources.functions[0]?.environment['SERVICENOW_SECRET_ID'] ?? '';
  const SecretString = JSON.stringify({ instanceUrl: instance.url, auth });
  await client.send(new PutSecretValueCommand({ SecretId, SecretString }));
  client.destroy();
}

/** What records do not belong in, among the objects that an import leaves. */
const ownObjects = /"schemaVersion"|<html/;

/**
 * Lets the watch see what a stack leaves on disk: queues with dead letters and their attributes, objects, durable executions.
 * The instance and Secrets Manager hold what they hold by right.
 */
export async function seeDataFolder(watch: SecrecyWatch, dataFolder: string): Promise<void> {
  const entries = await readdir(dataFolder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const file = join(entry.parentPath, entry.name);
    const isTheirs = /\/(instance|secrets)\.db|\/lambda\/code\//.test(file);
    if (!entry.isFile() || isTheirs) continue;
    const text = (await readFile(file)).toString('latin1');
    if (ownObjects.test(text.slice(0, 2_000))) watch.seeOurs('report of an import', text);
    else watch.see(`file ${entry.name}`, text);
  }
  seeAttributes(watch, join(dataFolder, 'sqs.db'));
}

function seeAttributes(watch: SecrecyWatch, file: string): void {
  const database = new DatabaseSync(file, { readOnly: true });
  for (const row of database.prepare('SELECT attributes FROM message').all())
    watch.seeOurs('attributes of a message', String(row['attributes']));
  database.close();
}
