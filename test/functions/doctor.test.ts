import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startSecretsManager } from '../../emulator/aws/secrets-manager/secrets-manager.ts';
import { startInstance } from '../../emulator/instance/index.ts';
import { handler } from '../../functions/doctor.ts';
import { lambdaContext } from '../lib/gateway/lambda-events.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);

async function instanceWithSecret() {
  const instance = await startInstance();
  onTestFinished(() => instance.close());
  const auth = { type: 'oauth-client-credentials', ...instance.oauth };
  return { instance, secret: JSON.stringify({ instanceUrl: instance.url, auth }) };
}

const inLambda = lambdaContext(20_000);

describe('the doctor function', () => {
  it('examines the instance that its caller names, with the deployment’s own settings', async () => {
    const { secret } = await instanceWithSecret();
    const secretsManager = await startSecretsManager();
    onTestFinished(() => secretsManager.close());
    const before = { ...process.env };
    onTestFinished(() => {
      process.env = before;
    });
    process.env = {
      ...before,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
      SERVICENOW_SECRET_ID: '{"prod":"gone","dev":"dev-secret"}',
      ALLOWED_TABLES: '{"prod":"incident","dev":"incident,imp_computer"}',
      ALLOWED_HOSTS: '127.0.0.1',
    };
    const admin = new SecretsManagerClient({});
    await admin.send(new CreateSecretCommand({ Name: 'dev-secret', SecretString: secret }));
    admin.destroy();
    const dev = await handler({ instance: 'dev' }, inLambda);
    expect(dev).toMatchObject({ healthy: true });
    expect(dev.findings.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining(['secret', 'reach', 'table imp_computer']),
    );
    const prod = await handler(null, inLambda);
    expect(prod).toMatchObject({ healthy: false, findings: [{ subject: 'secret', state: 'failed' }] });
  });

  it.each([
    [{ instance: 'absent' }, 'ConfigurationError', /^instance: /],
    [{ instance: 7 }, 'InvalidInputError', /^event: takes only the name of an instance/],
    [{ tables: 'incident' }, 'InvalidInputError', /^event: /],
  ])('refuses %j by name and without a stack', async (event, name, message) => {
    const failure = handler(event, inLambda);
    await expect(failure).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
    await expect(failure).rejects.not.toHaveProperty('stack');
  });
});

describe('npm run doctor', () => {
  const doctor = (args: readonly string[], env = process.env) =>
    run(process.execPath, [join(root, 'cli/main.ts'), 'doctor', ...args], { cwd: root, env }).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );

  it('prints what is well and what to do, and fails when something does not work', async () => {
    const { secret } = await instanceWithSecret();
    const folder = await mkdtemp(join(tmpdir(), 'doctor-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'secret.json');
    await writeFile(file, secret);
    const args = ['--secret', file, '--allowed-hosts', '127.0.0.1', '--tables'];
    const well = await doctor([...args, 'incident, imp_computer,']);
    expect(well).toMatchObject({ code: 0 });
    expect(well.stdout).toMatch(/^ok +secret/m);
    expect(well.stdout).toMatch(/^ok +table imp_computer /m);
    const ill = await doctor([...args, 'incident,no_such_table']);
    expect(ill).toMatchObject({ code: 1 });
    expect(ill.stdout).toMatch(/^FAILED +table no_such_table .*\n +→ correct the name/m);
  });

  it('prints its usage without --secret', async () => {
    const answer = await doctor([]);
    expect(answer).toMatchObject({ code: 2 });
    expect(answer.stderr).toMatch(/^--secret <id> or --local is needed\n/);
    const { code, stdout } = await doctor(['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('npm run doctor -- --secret');
    expect(answer.stderr).toContain(stdout);
  });

  it('says what the shell lacks when Secrets Manager cannot be asked', async () => {
    const env = { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent' };
    // There is a folder of that name; it is no secret in a file.
    const answer = await doctor(['--secret', 'functions'], env);
    expect(answer).toMatchObject({ code: 1 });
    expect(answer.stdout).toMatch(
      /^FAILED +secret +SECRET_UNAVAILABLE.*\n +→ set AWS_REGION and AWS credentials/m,
    );
  });

  it('reports an unknown option without a stack trace', async () => {
    const answer = await doctor(['--tabels', 'incident']);
    expect(answer).toMatchObject({ code: 2 });
    expect(answer.stderr).toMatch(/^unknown option '--tabels'\n\(Did you mean --tables\?\)/);
    expect(answer.stderr).not.toContain('    at ');
  });
});
