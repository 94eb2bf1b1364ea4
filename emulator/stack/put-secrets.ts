import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { REGION } from '../aws/account.ts';
import type { StackResources } from '../aws/template/stack-resources.ts';
import type { Instance } from '../instance/index.ts';

const SecretMap = z.record(z.string(), z.string());

/** Which secret the functions read: that of the emulated instance, or one that a person put there. */
export type SecretOwner = 'emulator' | 'person';

/** A secret of the emulated instance, whatever port it had in an earlier run. */
const EmulatorSecret = z.object({ auth: z.object({ username: z.string(), password: z.string() }) });

/**
 * Fills every secret that a function of the template reads: with the given one, else with the way to the emulated instance. A secret
 * that a person put there in an earlier run stays as it is.
 * @param given the JSON of a person's own secret
 * @returns whose secret the functions read
 */
export async function putSecrets(
  resources: StackResources,
  endpoint: string,
  instance: Instance,
  given: string | undefined,
): Promise<SecretOwner> {
  const client = new SecretsManagerClient({
    endpoint,
    region: REGION,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const { url, username, password } = instance;
  const value = given ?? JSON.stringify({ instanceUrl: url, auth: { type: 'basic', username, password } });
  const owners = new Set<SecretOwner>([given === undefined ? 'emulator' : 'person']);
  try {
    for (const id of secretIds(resources)) {
      const current = await readSecret(client, id);
      if (current === undefined)
        await client.send(new CreateSecretCommand({ Name: id, SecretString: value }));
      else if (given !== undefined || isEmulators(current, instance))
        await client.send(new PutSecretValueCommand({ SecretId: id, SecretString: value }));
      else owners.add('person');
    }
  } finally {
    client.destroy();
  }
  return owners.has('person') ? 'person' : 'emulator';
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

async function readSecret(client: SecretsManagerClient, id: string): Promise<string | undefined> {
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '';
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

function isEmulators(secret: string, { username, password }: Instance): boolean {
  try {
    const { auth } = EmulatorSecret.parse(JSON.parse(secret));
    return auth.username === username && auth.password === password;
  } catch {
    // Another kind of secret, so a person's.
    return false;
  }
}
