import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { expect, it, onTestFinished } from 'vitest';
import { startSecretsManager } from '../../../emulator/aws/secrets-manager/secrets-manager.ts';
import { startInstance } from '../../../emulator/instance/index.ts';
import { announcedStack, runCommand } from '../run-command.ts';

/** A stack whose secret is that of an administrator. */
async function stackOf(ownInstance: boolean) {
  const [instance, secretsManager] = await Promise.all([startInstance(), startSecretsManager()]);
  onTestFinished(async () => {
    await Promise.all([instance.close(), secretsManager.close()]);
  });
  const { url: instanceUrl, username, password } = instance;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new SecretsManagerClient({ region: 'us-east-1', endpoint: secretsManager.url, credentials });
  const SecretString = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  await client.send(new CreateSecretCommand({ Name: 'servicenow-functions/dev', SecretString }));
  client.destroy();
  const stack = announcedStack(
    { secretsManager: { endpoint: secretsManager.url } },
    '',
    undefined,
    ownInstance,
  );
  return (...args: string[]) => runCommand(['doctor', '--local', ...args], stack);
}

it('has nothing to warn of on the local stack, whose emulated user is an administrator', async () => {
  const doctor = await stackOf(false);
  const { code, out, err } = await doctor();
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^ok +roles +admin, of the emulated user/m);
  expect(out).toMatch(/\n\nNo problems found\.\n$/);
  expect(JSON.parse((await doctor('--json')).out)).toMatchObject({ healthy: true });
});

it('warns of an administrator on a person’s own instance', async () => {
  const { code, out } = await (await stackOf(true))();
  expect(code).toBe(0);
  expect(out).toMatch(/^WARNING +roles +admin\n +→ an integration does not need admin/m);
});
