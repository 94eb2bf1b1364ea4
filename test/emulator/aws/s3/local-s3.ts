import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { type LocalS3, startS3 } from '../../../../emulator/aws/s3/s3.ts';

/** A running S3 with a real client, a bucket `plain` and a bucket `versioned`, and what its notifications sent. */
export type S3Fixture = {
  readonly folder: string;
  readonly s3: LocalS3;
  readonly client: S3Client;
  readonly sent: { readonly queueArn: string; readonly body: string }[];
  close(): Promise<void>;
};

export async function startS3Fixture(): Promise<S3Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 's3-test-'));
  const sent: { queueArn: string; body: string }[] = [];
  const s3 = await startS3({ folder, deliver: (queueArn, body) => sent.push({ queueArn, body }) });
  const client = s3Client(s3.url);
  for (const Bucket of ['plain', 'versioned']) await client.send(new CreateBucketCommand({ Bucket }));
  await client.send(
    new PutBucketVersioningCommand({ Bucket: 'versioned', VersioningConfiguration: { Status: 'Enabled' } }),
  );
  return {
    folder,
    s3,
    client,
    sent,
    async close() {
      client.destroy();
      await s3.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A client as a user's code makes it: defaults, with only the endpoint changed. */
export function s3Client(endpoint: string): S3Client {
  return new S3Client({
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
}
