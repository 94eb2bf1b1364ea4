import { vi } from 'vitest';
import { type SqsFixture, startSqsFixture } from '../../emulator/aws/sqs/local-sqs.ts';

/** A running SQS that the code under test finds in its environment. */
export async function startStubbedSqs(): Promise<SqsFixture> {
  const fixture = await startSqsFixture();
  stubSqs(fixture.sqs.url);
  return {
    ...fixture,
    async close() {
      vi.unstubAllEnvs();
      await fixture.close();
    },
  };
}

/** Makes the SDK take what listens there for SQS. */
export function stubSqs(url: string): void {
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', url);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
}
