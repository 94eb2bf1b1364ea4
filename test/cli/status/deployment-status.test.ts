import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalCloudWatch, startCloudWatch } from '../../../emulator/aws/cloudwatch/cloudwatch.ts';
import { measureQueues } from '../../../emulator/aws/sqs/queue-metrics.ts';
import { type S3Fixture, startS3Fixture } from '../../emulator/aws/s3/local-s3.ts';
import { type SqsFixture, startSqsFixture } from '../../emulator/aws/sqs/local-sqs.ts';
import { startCloudFormation } from '../local-cloudformation.ts';
import { announcedStack, runCommand } from '../run-command.ts';

let sqs: SqsFixture;
let s3: S3Fixture;
let cloudWatch: LocalCloudWatch;
beforeAll(async () => {
  [sqs, s3] = await Promise.all([startSqsFixture(), startS3Fixture()]);
  const measure = measureQueues(sqs.sqs.state);
  cloudWatch = await startCloudWatch({ publish() {}, deliver() {}, measure });
});
afterAll(() => Promise.all([sqs.close(), s3.close(), cloudWatch.close()]));

let worlds = 0;
const name = 'servicenow-functions-prod';

/** A deployment with all of its switches on, without `without`. */
async function deployment(without: readonly string[] = [], state?: string) {
  worlds += 1;
  const bucket = `drops-${worlds}`;
  await s3.client.send(new CreateBucketCommand({ Bucket: bucket }));
  const queue = (kind: string) => sqs.queue(`${kind}-${worlds}`);
  const urls = {
    RecordsQueueUrl: await queue('RecordsQueue'),
    RecordsDeadLetterQueueUrl: await queue('RecordsDeadLetterQueue'),
    RecordsFifoQueueUrl: await queue('RecordsFifoQueue'),
    RecordsFifoDeadLetterQueueUrl: await queue('RecordsFifoDeadLetterQueue'),
    EventsQueueUrl: await queue('EventsQueue'),
    EventsDeadLetterQueueUrl: await queue('EventsDeadLetterQueue'),
    ImportQueueUrl: await queue('ImportQueue'),
    ImportDeadLetterQueueUrl: await queue('ImportDeadLetterQueue'),
    CallDeadLetterQueueUrl: await queue('CallDeadLetterQueue'),
  };
  const outputs = Object.entries({ ...urls, ImportBucketName: bucket }).filter(
    ([output]) => !without.includes(output),
  );
  const cloudFormation = await startCloudFormation({ [name]: Object.fromEntries(outputs) }, state);
  const env = {
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation,
    AWS_ENDPOINT_URL_SQS: sqs.sqs.url,
    AWS_ENDPOINT_URL_S3: s3.s3.url,
    AWS_ENDPOINT_URL_CLOUDWATCH: cloudWatch.url,
  };
  const send = (QueueUrl: string, code?: string, key = 'k') =>
    sqs.client.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: JSON.stringify({ key }),
        ...(code && { MessageAttributes: { ErrorCode: { DataType: 'String', StringValue: code } } }),
      }),
    );
  const put = (key: string, content: object) =>
    s3.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: JSON.stringify(content) }));
  const run = (command: string, ...args: string[]) =>
    runCommand([command, '--stack-name', name, '--region', 'eu-central-1', ...args], { env });
  return { ...urls, env, send, put, run };
}

const summary = {
  schemaVersion: 1,
  source: { key: 'imports/imp_user/people.csv' },
  stagingTable: 'imp_user',
  lines: { rows: 3, blank: 0 },
  counts: { inserted: 2, updated: 0, error: 1 },
};

describe('servicenow-functions status --stack-name', () => {
  it('shows all queues, letters, imports and the last outcomes of a deployment', async () => {
    const here = await deployment();
    const { send, put, run } = here;
    await send(here.RecordsQueueUrl);
    await send(here.ImportQueueUrl);
    await send(here.RecordsDeadLetterQueueUrl, 'DATA_POLICY', 'alarm-7');
    await send(here.EventsDeadLetterQueueUrl, 'MAPPING_FAILED', 'alarm-8');
    await put('results/imp_user/big.csv/2026-01-05T10-00-00-a/progress.json', {
      phase: 'loading',
      startedAt: '2026-01-05T10:00:00.000Z',
      updatedAt: '2026-01-05T10:00:10.000Z',
      bytes: { read: 50, total: 100 },
      rows: 200,
      counts: {},
    });
    const ended = { ...summary, status: 'completed', finishedAt: '2099-01-05T10:00:00.000Z' };
    await put('results/imp_user/people.csv/2026-01-05T10-00-00-b/summary.json', ended);
    const refused = {
      ...ended,
      status: 'refused',
      reason: 'no column fits',
      finishedAt: '1999-01-01T00:00:00Z',
    };
    await put('results/imp_user/people.csv/2026-01-05T10-00-01-c/summary.json', refused);
    await put('results/imp_user/strange.csv/2026-01-05T10-00-01-c/summary.json', { status: 7 });
    const { code, out, err } = await run('status');
    expect([code, err]).toEqual([0, '']);
    const [first, ...lines] = out.replaceAll(/, oldest \d+ s/g, '').split('\n');
    expect(first).toMatch(/^servicenow-functions-prod \(UPDATE_COMPLETE\), \d\d:\d\d:\d\d UTC$/);
    const when = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    expect(lines.slice(0, 4)).toEqual([
      '  records        1 waiting, 0 in flight',
      '  FIFO records   0 waiting, 0 in flight',
      '  events         0 waiting, 0 in flight',
      '  dropped files  1 waiting, 0 in flight',
    ]);
    expect(lines[4]).toMatch(/^ {2}dead letters {3}2: 1 DATA_POLICY, 1 MAPPING_FAILED, oldest of /);
    expect(lines.slice(5, 9)).toEqual([
      `    1 in RecordsDeadLetterQueue-${worlds}`,
      `    1 in EventsDeadLetterQueue-${worlds}`,
      '  imports        1 running, 0 in line',
      '    big.csv → imp_user  loading: 25 %, 200 rows, 20 rows/s, 0 errors, about 30 s left',
    ]);
    expect(lines.slice(9)).toEqual([
      '  last outcomes',
      '    2099-01-05 10:00:00  people.csv → imp_user  completed: 3 rows, 2 inserted, 1 error',
      expect.stringMatching(new RegExp(`^ {4}${when} {2}alarm-8 {2}dead letter: MAPPING_FAILED$`)),
      expect.stringMatching(new RegExp(`^ {4}${when} {2}alarm-7 {2}dead letter: DATA_POLICY$`)),
      '    1999-01-01 00:00:00  people.csv → imp_user  refused: 3 rows, 2 inserted, 1 error; no column fits',
      '',
    ]);
    const { Messages = [] } = await sqs.client.send(
      new ReceiveMessageCommand({ QueueUrl: here.RecordsDeadLetterQueueUrl }),
    );
    expect(Messages).toHaveLength(1);
  });

  it('prints the same as JSON', async () => {
    const { send, run, ...urls } = await deployment();
    await send(urls.RecordsDeadLetterQueueUrl, 'DATA_POLICY', 'alarm-7');
    const { out } = await run('status', '--json');
    expect(JSON.parse(out)).toMatchObject({
      place: 'AWS',
      stack: { name, state: 'UPDATE_COMPLETE' },
      imports: [],
      lastOutcomes: [{ kind: 'dead letter', key: 'alarm-7', code: 'DATA_POLICY' }],
    });
  });

  it('leaves out what the deployment does not have', async () => {
    const switchedOff = /^(?:Import|Events|RecordsFifo)/;
    const all = await deployment();
    const without = [...Object.keys(all), 'ImportBucketName'].filter((output) => switchedOff.test(output));
    const { run } = await deployment(without, 'UPDATE_ROLLBACK_COMPLETE');
    const { code, out } = await run('status');
    expect(code).toBe(0);
    expect(out.split('\n')[0]).toContain('(UPDATE_ROLLBACK_COMPLETE)');
    expect(out.split('\n').slice(1)).toEqual([
      '  records       0 waiting, 0 in flight',
      '  dead letters  none',
      '',
    ]);
  });

  it('says that there is no such stack, or that it is none of ours', async () => {
    const { env } = await deployment(['RecordsQueueUrl'], 'ROLLBACK_COMPLETE');
    const run = (stackName: string) =>
      runCommand(['status', '--stack-name', stackName, '--region', 'us-east-1'], { env });
    const gone = await run('other');
    expect([gone.code, gone.err]).toEqual([1, 'other: there is no such stack in this account and region\n']);
    const foreign = await run(name);
    expect([foreign.code, foreign.err]).toEqual([
      1,
      expect.stringMatching(/this stack \(ROLLBACK_COMPLETE\) has no output RecordsQueueUrl/),
    ]);
  });

  it('takes no local stack and no variable for a deployment', async () => {
    const here = await deployment();
    const { cwd, env } = announcedStack({});
    const other = {
      ...here.env,
      ...env,
      RECORDS_QUEUE_URL: 'http://127.0.0.1:9/1/other',
      IMPORT_BUCKET: 'other',
    };
    await here.send(here.RecordsQueueUrl);
    const { code, out } = await runCommand(['status', '--stack-name', name, '--region', 'us-east-1'], {
      cwd,
      env: other,
    });
    expect([code, out]).toEqual([0, expect.stringMatching(/\n {2}records {8}1 waiting/)]);
  });

  it.each([
    ['status', '--stack', '/x'],
    ['status', '--queue', 'q'],
    ['status', '--bucket', 'b'],
    ['dead-letters', '--dlq', 'q'],
    ['redrive', '--state-table', 't'],
  ])('refuses %s with %s', async (command, option, value) => {
    const { code, err } = await runCommand([command, '--stack-name', name, option, value]);
    expect([code, err]).toEqual([
      2,
      expect.stringContaining(`--stack-name cannot be given together with ${option}`),
    ]);
  });

  it('refuses a region without a stack', async () => {
    const { code, err } = await runCommand(['status', '--region', 'us-east-1']);
    expect([code, err]).toEqual([2, expect.stringContaining('--region goes with --stack-name')]);
  });
});

describe('other commands with --stack-name', () => {
  it('lists the letters of every queue, and moves them back to theirs', async () => {
    const here = await deployment();
    await here.send(here.RecordsDeadLetterQueueUrl, 'DATA_POLICY', 'alarm-7');
    await here.send(here.EventsDeadLetterQueueUrl, 'MAPPING_FAILED', 'alarm-8');
    const { out } = await here.run('dead-letters', '--json');
    const listed = out.trim().split('\n');
    expect(listed.map((line) => JSON.parse(line).key)).toEqual(['alarm-7', 'alarm-8']);
    const moved = await here.run('redrive', '--wait', '0', '--json');
    expect([moved.code, JSON.parse(moved.out).moved]).toEqual([0, 2]);
    for (const [QueueUrl, key] of [
      [here.RecordsQueueUrl, 'alarm-7'],
      [here.EventsQueueUrl, 'alarm-8'],
    ]) {
      const { Messages: [message] = [] } = await sqs.client.send(new ReceiveMessageCommand({ QueueUrl }));
      expect(message?.Body).toBe(JSON.stringify({ key }));
    }
  });

  it('sends to the records queue', async () => {
    const { run, RecordsQueueUrl: QueueUrl } = await deployment();
    const message = '{"table":"incident","key":"k","record":{"short_description":"x"}}';
    const { code, out } = await run('send', message);
    expect([code, out]).toEqual([0, expect.stringMatching(/^1 message sent to AWS/)]);
    const { Messages: [sent] = [] } = await sqs.client.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(sent?.Body).toBe(message);
  });
});
