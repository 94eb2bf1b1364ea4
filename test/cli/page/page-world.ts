import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StackFeed } from '../../../cli/feed/feed.ts';
import { startPage } from '../../../cli/page/server.ts';
import { startS3 } from '../../../emulator/aws/s3/s3.ts';
import { send } from '../../../emulator/aws/sqs/send.ts';
import { startSqs } from '../../../emulator/aws/sqs/sqs.ts';
import { startInstance } from '../../../emulator/instance/index.ts';
import type { Stack } from '../../../emulator/stack/stack.ts';

/**
 * A page over a real instance, SQS and S3; no function runs, so that the feed holds what a test puts into it.
 * @param api base URL of the HTTP API; nothing answers at the default
 * @param secretOwner whose instance the functions talk to
 */
export async function startPageWorld(
  api = 'http://127.0.0.1:1',
  secretOwner: Stack['secretOwner'] = 'emulator',
) {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'page-test-'));
  opened.defer(() => rm(folder, { recursive: true }));
  const sqs = opened.adopt(await startSqs({ databaseFile: join(folder, 'sqs.db') }), (one) => one.close());
  const s3 = opened.adopt(await startS3({ folder: join(folder, 's3') }), (one) => one.close());
  const instance = opened.adopt(await startInstance(), (one) => one.close());
  const names = ['records', 'records-dlq', 'signals', 'signals-dlq', 'failed-calls-dlq'];
  for (const name of names) sqs.state.queues.put(name, {}, Date.now());
  const url = (name: string) => `${sqs.url}/000000000000/${name}`;
  s3.state.buckets.ensure('drops', Date.now());
  const feed = new StackFeed();
  const endpoints = {
    api,
    instance: { url: instance.url, username: instance.username, password: instance.password },
    sqs: {
      endpoint: sqs.url,
      recordsQueueUrl: `${sqs.url}/000000000000/records`,
      recordsDlqUrl: `${sqs.url}/000000000000/records-dlq`,
      queues: [
        { name: 'records', url: url('records') },
        { name: 'records-dlq', url: url('records-dlq'), deadLettersOf: url('records') },
        { name: 'signals', url: url('signals') },
        { name: 'signals-dlq', url: url('signals-dlq'), deadLettersOf: url('signals') },
        { name: 'failed-calls-dlq', url: url('failed-calls-dlq'), deadLettersOf: null },
      ],
    },
    s3: { endpoint: s3.url, bucket: 'drops' },
    lambda: { endpoint: 'http://127.0.0.1:1' },
    secretsManager: { endpoint: 'http://127.0.0.1:1' },
    dynamodb: { endpoint: 'http://127.0.0.1:1' },
    eventBridge: { endpoint: 'http://127.0.0.1:1', bus: 'default' },
    sns: { endpoint: 'http://127.0.0.1:1' },
    cloudWatch: { endpoint: 'http://127.0.0.1:1' },
    securityHub: { endpoint: 'http://127.0.0.1:1' },
  };
  const functionEnvironment = {
    SERVICENOW_SECRET_ID: 'local',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_SQS: sqs.url,
  };
  const stack = { endpoints, functionEnvironment, instance, s3, secretOwner, sqs } as const;
  const page = opened.adopt(await startPage(stack, feed, 0, 0), (one) => one.close());
  const running = opened.move();
  return { page, feed, ...stack, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** An event as the feed gets it. */
export const arrived = {
  at: '2026-11-29T10:00:00.000Z',
  way: 'SQS',
  functionKey: 'writeRecords',
  requestId: 'request-1',
  subject: 'alarm-7',
  table: 'incident',
  outcome: 'done',
  attempts: 1,
  messageId: 'message-1',
  body: '{"table":"incident"}',
  durationMs: 84,
} as const;

type World = Awaited<ReturnType<typeof startPageWorld>>;

/** A dead letter of the records queue, known by its key. */
export function sendLetter({ sqs }: World, key: string, reason = 'no reason'): void {
  const text = (value: string) => ({ DataType: 'String', StringValue: value });
  const MessageAttributes = {
    ErrorCode: text('RECORD_NOT_FOUND'),
    ErrorMessage: text(reason),
    IdempotencyKey: text(key),
  };
  send(sqs.state, sqs.state.queues.byUrl('records-dlq'), { MessageBody: '{}', MessageAttributes });
}

/** Puts an object into the bucket of imports. */
export function putObject({ s3 }: World, key: string, text: string): void {
  const blob = s3.state.blobs.create();
  blob.append(Buffer.from(text));
  blob.close();
  const blobs = [{ name: blob.name, size: Buffer.byteLength(text) }];
  s3.state.put('drops', key, { etag: key, headers: {}, blobs }, 'ObjectCreated:Put');
}

/** An import of `<name>.csv` that has ended. */
export function putImport(world: World, name: string): void {
  const summary = {
    status: 'completed',
    source: { key: `imports/imp_user/${name}.csv` },
    startedAt: '2026-11-29T10:00:00Z',
    lines: { rows: 1_000 },
    counts: { inserted: 997, error: 3 },
  };
  putObject(world, `results/imp_user/${name}/run-1/summary.json`, JSON.stringify(summary));
  putObject(world, `results/imp_user/${name}/run-1/report.html`, '<h1>Report</h1>');
}
