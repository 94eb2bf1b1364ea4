import {
  CreateSecretCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { REGION } from '../aws/account.ts';
import type { StackResources } from '../aws/template/stack-resources.ts';
import type { Instance } from '../instance/index.ts';

const SecretMap = z.record(z.string(), z.string());

/** Every secret that a function of the template reads holds the way to the emulated instance. */
export async function putSecrets(
  resources: StackResources,
  endpoint: string,
  instance: Instance,
): Promise<void> {
  const client = new SecretsManagerClient({
    endpoint,
    region: REGION,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const { url, username, password } = instance;
  const value = JSON.stringify({ instanceUrl: url, auth: { type: 'basic', username, password } });
  try {
    for (const id of secretIds(resources)) await putSecret(client, id, value);
  } finally {
    client.destroy();
  }
}

/** `SERVICENOW_SECRET_ID` is one id, or JSON that names several. */
function secretIds({ functions }: StackResources): Set<string> {
  const settings = functions.flatMap(({ environment }) => environment['SERVICENOW_SECRET_ID'] ?? []);
  return new Set(
    settings.flatMap((text) =>
      text.startsWith('{') ? Object.values(SecretMap.parse(JSON.parse(text))) : [text],
    ),
  );
}

async function putSecret(client: SecretsManagerClient, id: string, value: string): Promise<void> {
  try {
    await client.send(new CreateSecretCommand({ Name: id, SecretString: value }));
  } catch (error) {
    if (!(error instanceof ResourceExistsException)) throw error;
    await client.send(new PutSecretValueCommand({ SecretId: id, SecretString: value }));
  }
}
