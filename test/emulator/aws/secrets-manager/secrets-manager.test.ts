import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoopbackServer } from '../../../../emulator/aws/loopback-server.ts';
import { startSecretsManager } from '../../../../emulator/aws/secrets-manager/secrets-manager.ts';

let server: LoopbackServer;
let client: SecretsManagerClient;

beforeAll(async () => {
  server = await startSecretsManager();
  client = new SecretsManagerClient({
    endpoint: server.url,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
});

afterAll(async () => {
  client.destroy();
  await server.close();
});

const valueAt = async (SecretId: string, VersionStage: string) =>
  (await client.send(new GetSecretValueCommand({ SecretId, VersionStage }))).SecretString;

describe('Secrets Manager', () => {
  it('gives back a secret by its name, its ARN and its ARN without the random end', async () => {
    const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: 'by-name', SecretString: 's' }));
    for (const SecretId of ['by-name', ARN, ARN.slice(0, -7)]) {
      expect(await valueAt(SecretId, 'AWSCURRENT')).toBe('s');
    }
  });

  it('answers ResourceNotFoundException for an unknown secret', async () => {
    const reading = client.send(new GetSecretValueCommand({ SecretId: 'nowhere' }));
    await expect(reading).rejects.toBeInstanceOf(ResourceNotFoundException);
  });

  it('names the staging label that stands on no version', async () => {
    await client.send(new CreateSecretCommand({ Name: 'unrotated', SecretString: 's' }));
    await expect(valueAt('unrotated', 'AWSPENDING')).rejects.toThrow('staging label: AWSPENDING');
  });

  it('refuses to create a secret twice', async () => {
    await client.send(new CreateSecretCommand({ Name: 'twice', SecretString: 's' }));
    const again = client.send(new CreateSecretCommand({ Name: 'twice', SecretString: 's' }));
    await expect(again).rejects.toMatchObject({ name: 'ResourceExistsException' });
  });

  it('leaves AWSPREVIOUS on what was current when a new value is put', async () => {
    await client.send(new CreateSecretCommand({ Name: 'put', SecretString: 'one' }));
    await client.send(new PutSecretValueCommand({ SecretId: 'put', SecretString: 'two' }));
    expect(await valueAt('put', 'AWSCURRENT')).toBe('two');
    expect(await valueAt('put', 'AWSPREVIOUS')).toBe('one');
  });

  it('walks through a rotation: pending, then current, with the old one previous', async () => {
    const { VersionId: old = '' } = await client.send(
      new CreateSecretCommand({ Name: 'rotated', SecretString: 'old' }),
    );
    const { VersionId: next = '' } = await client.send(
      new PutSecretValueCommand({ SecretId: 'rotated', SecretString: 'new', VersionStages: ['AWSPENDING'] }),
    );
    expect(await valueAt('rotated', 'AWSCURRENT')).toBe('old');
    expect(await valueAt('rotated', 'AWSPENDING')).toBe('new');

    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: 'rotated',
        VersionStage: 'AWSCURRENT',
        MoveToVersionId: next,
        RemoveFromVersionId: old,
      }),
    );
    const { VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId: 'rotated' }));
    expect(VersionIdsToStages[old]).toEqual(['AWSPREVIOUS']);
    expect(VersionIdsToStages[next]?.toSorted()).toEqual(['AWSCURRENT', 'AWSPENDING']);
  });

  it('will not move a label from a version that the caller did not name', async () => {
    await client.send(new CreateSecretCommand({ Name: 'guarded', SecretString: 'a' }));
    const { VersionId } = await client.send(
      new PutSecretValueCommand({ SecretId: 'guarded', SecretString: 'b', VersionStages: ['AWSPENDING'] }),
    );
    const moving = client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: 'guarded',
        VersionStage: 'AWSCURRENT',
        MoveToVersionId: VersionId,
      }),
    );
    await expect(moving).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  it('takes the same version twice only with the same value', async () => {
    const ClientRequestToken = 'a'.repeat(32);
    await client.send(new CreateSecretCommand({ Name: 'token', SecretString: 'a', ClientRequestToken }));
    const put = (SecretString: string) =>
      client.send(new PutSecretValueCommand({ SecretId: 'token', SecretString, ClientRequestToken }));
    expect((await put('a')).VersionId).toBe(ClientRequestToken);
    await expect(put('b')).rejects.toMatchObject({ name: 'ResourceExistsException' });
  });
});
