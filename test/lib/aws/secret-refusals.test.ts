import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';

/** What reading a secret fails with, where Secrets Manager answers so. @param error none: nothing listens */
async function failure(error?: { readonly __type: string; readonly message?: string }) {
  const server = createServer((_request, response) => {
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port }: AddressInfo = Object(server.address());
  if (error === undefined) server.close();
  onTestFinished(() => void server.close());
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', `http://127.0.0.1:${port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  vi.resetModules();
  const { fetchSecretText } = await import('../../../lib/aws/secrets.ts');
  return fetchSecretText('servicenow').then(
    () => undefined,
    (refused: unknown) => ({
      ...Object(refused),
      message: Object(refused).message,
      advice: Object(refused).advice,
    }),
  );
}

it.each([
  [
    'a key that may not be used',
    { __type: 'DecryptionFailure' },
    /KMS key may not be used .* allow kms:Decrypt/,
  ],
  [
    'a key whose policy denies the role',
    {
      __type: 'AccessDeniedException',
      message:
        'Access to KMS is not allowed. This version of secret is not encrypted with the current KMS key.',
    },
    /KMS key may not be used .* allow kms:Decrypt/,
  ],
  [
    'a permissions boundary',
    { __type: 'AccessDeniedException', message: 'because no permissions boundary allows the action' },
    /GetSecretValue is not allowed by the permissions boundary of the role/,
  ],
  [
    'a role without the right',
    { __type: 'AccessDeniedException' },
    /allow secretsmanager:GetSecretValue on it/,
  ],
])('names %s, which no repetition helps', async (_what, error, message) => {
  expect(await failure(error)).toMatchObject({
    code: 'CONFIGURATION_INVALID',
    message: expect.stringMatching(message),
  });
});

it('names a quota that is reached as something that may pass', async () => {
  expect(await failure({ __type: 'ThrottlingException' })).toMatchObject({
    code: 'SECRET_UNAVAILABLE',
    retryable: true,
    advice: expect.stringMatching(/Service Quotas, under secretsmanager/),
  });
});

it('names the VPC endpoint that may be missing where nothing answers', async () => {
  expect(await failure()).toMatchObject({
    code: 'SECRET_UNAVAILABLE',
    retryable: true,
    advice: expect.stringMatching(/VPC endpoint of secretsmanager/),
  });
});
