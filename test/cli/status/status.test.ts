import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { describeStatus } from '../../../cli/status/describe-status.ts';
import { openStatus } from '../../../cli/status/read-status.ts';
import { type LocalCloudWatch, startCloudWatch } from '../../../emulator/aws/cloudwatch/cloudwatch.ts';
import { measureQueues } from '../../../emulator/aws/sqs/queue-metrics.ts';
import { type S3Fixture, startS3Fixture } from '../../emulator/aws/s3/local-s3.ts';
import { type SqsFixture, startSqsFixture } from '../../emulator/aws/sqs/local-sqs.ts';
import { until } from '../../until.ts';
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

async function world(s3Url: string = s3.s3.url) {
  worlds += 1;
  const queue = await sqs.queue(`records-${worlds}`);
  const dlq = await sqs.queue(`records-dlq-${worlds}`);
  const signals = await sqs.queue(`signals-${worlds}`);
  const bucket = `imports-${worlds}`;
  await s3.client.send(new CreateBucketCommand({ Bucket: bucket }));
  const signalsDlq = await sqs.queue(`signals-dlq-${worlds}`);
  const queues = [{ name: `signals-dlq-${worlds}`, url: signalsDlq, deadLettersOf: signals }];
  const urls = { recordsQueueUrl: queue, recordsDlqUrl: dlq, signalsQueueUrl: signals };
  const stack = announcedStack({
    sqs: { endpoint: sqs.sqs.url, ...urls, queues },
    s3: { endpoint: s3Url, bucket },
    cloudWatch: { endpoint: cloudWatch.url },
  });
  const send = async (QueueUrl: string, code?: string) => {
    const attribute = { ErrorCode: { DataType: 'String', StringValue: code ?? '' } };
    const MessageAttributes = code === undefined ? undefined : attribute;
    await sqs.client.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}', MessageAttributes }));
  };
  const receive = (QueueUrl: string) => sqs.client.send(new ReceiveMessageCommand({ QueueUrl }));
  const run = (...args: string[]) => runCommand(['status', ...args], stack);
  return { ...stack, bucket, queue, dlq, signals, signalsDlq, send, receive, run };
}

type World = Awaited<ReturnType<typeof world>>;

async function progress(
  { bucket }: World,
  folder: string,
  more: object,
  file = 'progress.json',
): Promise<void> {
  const times = { startedAt: '2026-01-05T10:00:00.000Z', updatedAt: '2026-01-05T10:00:10.000Z' };
  const whole = { ...times, bytes: { read: 50, total: 100 }, rows: 200, counts: {}, ...more };
  const Key = `results/imp_user/${folder}/${file}`;
  await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(whole) }));
}

describe('servicenow-functions status', () => {
  it('says that nothing waits', async () => {
    const { run } = await world();
    const { code, out, err } = await run();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n').slice(1)).toEqual([
      '  records       0 waiting, 0 in flight',
      '  signals       0 waiting, 0 in flight',
      '  dead letters  none',
      '  imports       none',
      '',
    ]);
  });

  it('shows queues, dead letters by code and imports with their progress', async () => {
    const here = await world();
    const { queue, dlq, signals, send, receive, run } = here;
    for (let n = 0; n < 3; n++) await send(queue);
    await receive(queue);
    await send(signals);
    for (const code of ['TABLE_NOT_ALLOWED', 'DATA_POLICY', 'DATA_POLICY']) await send(dlq, code);
    await progress(here, 'people.csv/2026-01-05T10-00-00-a', { phase: 'loading' });
    await progress(here, 'later\u001b[2J.csv/2026-01-05T10-00-01-b', { phase: 'waiting', rows: 0 });
    await progress(here, 'old.csv/2026-01-04T10-00-00-c', { phase: 'done' });
    await progress(here, 'old.csv/2026-01-04T10-00-00-c', { status: 'completed' }, 'summary.json');
    await progress(here, 'strange.csv/2026-01-06T10-00-00-d', { bytes: 'many' });
    const { code, out } = await run();
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^The local stack, \d\d:\d\d:\d\d UTC$/);
    expect(lines[1]).toMatch(/^ {2}records {7}2 waiting, 1 in flight, oldest \d+ s$/);
    expect(lines[2]).toMatch(/^ {2}signals {7}1 waiting, 0 in flight, oldest \d+ s$/);
    expect(lines[3]).toMatch(
      /^ {2}dead letters {2}3: 2 DATA_POLICY, 1 TABLE_NOT_ALLOWED, oldest of \d{4}-.*Z; see npm run dead-letters$/,
    );
    expect(lines.slice(4)).toEqual([
      '  imports       2 running, 1 in line',
      '    people.csv → imp_user  loading: 25 %, 200 rows, 20 rows/s, 0 errors, about 30 s left',
      '    later [2J.csv → imp_user  in line',
      '    strange.csv → imp_user  not readable yet',
      '  last outcomes',
      expect.stringMatching(/dead letter: DATA_POLICY$/),
      expect.stringMatching(/dead letter: DATA_POLICY$/),
      expect.stringMatching(/dead letter: TABLE_NOT_ALLOWED$/),
      '',
    ]);
    const again = await run('--json');
    expect(JSON.parse(again.out)).toMatchObject({
      place: 'the local stack',
      queues: [
        { name: 'records', visible: 2, inFlight: 1, delayed: 0, oldestSeconds: expect.any(Number) },
        { name: 'signals', visible: 1 },
      ],
      deadLetters: { count: 3, byCode: { DATA_POLICY: 2, TABLE_NOT_ALLOWED: 1 } },
      imports: [{ phase: 'loading', share: 0.25, rows: 200 }, { phase: 'waiting' }, {}],
    });
  });

  it('counts the dead letters of every queue', async () => {
    const { dlq, signalsDlq, send, run } = await world();
    await send(dlq, 'DATA_POLICY');
    for (const code of ['STATE_UNKNOWN', 'STATE_UNKNOWN']) await send(signalsDlq, code);
    const { out } = await run();
    expect(out).toMatch(/\n {2}dead letters {2}3: 2 STATE_UNKNOWN, 1 DATA_POLICY, oldest/);
    expect(out).toMatch(/\n {4}1 in records-dlq-\d+\n {4}2 in signals-dlq-\d+\n/);
  });

  it.each([
    [0, '0 s'],
    [119, '119 s'],
    [600, '10 min'],
    [7 * 3_600, '7 h'],
    [4 * 86_400, '4 d'],
  ])('says that the oldest message has waited for %i seconds', (oldestSeconds, said) => {
    const queue = { name: 'records', visible: 1, inFlight: 0, delayed: 0, oldestSeconds };
    const deadLetters = { count: 0, byCode: {}, oldestSentAt: undefined, byQueue: {} };
    const more = { stack: undefined, imports: [], lastOutcomes: [] };
    const [, line] = describeStatus({ place: 'AWS', queues: [queue], deadLetters, ...more });
    expect(line).toBe(`  records       1 waiting, 0 in flight, oldest ${said}`);
  });

  it('names what is not known of a deployment, and takes no stack for it', async () => {
    const { env, cwd, queue, dlq } = await world();
    const aws = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    const named = { AWS_ENDPOINT_URL_SQS: sqs.sqs.url, RECORDS_QUEUE_URL: queue, RECORDS_DLQ_URL: dlq };
    const other = { XDG_CACHE_HOME: `${env.XDG_CACHE_HOME}-other`, ...aws, ...named };
    const { code, out } = await runCommand(['status'], { env: other, cwd });
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^AWS, .*\n {2}records .*\n(.*\n){1}.* unknown without --bucket\n$/),
    ]);
    const none = await runCommand(['status'], { env: { XDG_CACHE_HOME: '/nonexistent' }, cwd });
    expect([none.code, none.err]).toEqual([1, expect.stringMatching(/^No local stack is running; .*\n$/)]);
  });

  it('looks into the bucket that is named, and says that there is none', async () => {
    const { run } = await world();
    const { code, out, err } = await run('--bucket', 'no-such-bucket');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^.*bucket.*\n$/i);
  });

  it.each([
    [
      ['--stack', '/x', '--queue', 'https://sqs.eu-west-1.amazonaws.com/1/q'],
      '--stack cannot be given together',
    ],
    [['--stack', '/x', '--bucket', 'b'], '--stack cannot be given together'],
    [['--wtach'], 'Did you mean --watch?'],
  ])('refuses %j and exits with 2', async (args, message) => {
    const { code, err } = await runCommand(['status', ...args]);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it('exits without an error message once its reader has closed the pipe', async () => {
    const { env, cwd } = await world();
    const main = resolve(import.meta.dirname, '../../../cli/main.ts');
    const child = spawn(process.execPath, [main, 'status', '--watch', '--json'], {
      cwd,
      env: { ...env, PATH: process.env['PATH'], HOME: '/nonexistent' },
    });
    const exited = once(child, 'exit');
    const said = text(child.stderr);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect([await exited, await said]).toEqual([[141, null], '']);
  });

  it('goes on when a read fails later, and says so in a line', async () => {
    let isOut = false;
    const front = createServer(async (request, response) => {
      const answer = isOut ? undefined : await fetch(`${s3.s3.url}${request.url}`);
      response.writeHead(answer?.status ?? 403, { 'content-type': 'application/xml' });
      response.end((await answer?.text()) ?? '<Error><Code>AccessDenied</Code><Message>no</Message></Error>');
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    onTestFinished(() => void front.close());
    const address = front.address();
    if (address === null || typeof address === 'string') throw new Error('a server on TCP has a port');
    const { env, cwd } = await world(`http://127.0.0.1:${address.port}`);
    const main = resolve(import.meta.dirname, '../../../cli/main.ts');
    const child = spawn(process.execPath, [main, 'status', '--watch'], {
      cwd,
      env: { ...env, PATH: process.env['PATH'], HOME: '/nonexistent' },
    });
    const exited = once(child, 'exit');
    let seen = '';
    child.stdout.on('data', (chunk) => {
      seen += String(chunk);
    });
    await until(() => expect(seen).toContain('imports'));
    isOut = true;
    await until(() => expect(seen).toMatch(/UTC, not read: .*\n/));
    isOut = false;
    await until(() => expect(seen).toMatch(/not read: .*\n(.*not read.*\n)*The local stack/));
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
  });

  it('reads the codes again although there are as many letters, after a while', async () => {
    const { dlq, queue, env, send, receive } = await world();
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, 'local');
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', sqs.sqs.url);
    vi.stubEnv('AWS_ENDPOINT_URL_CLOUDWATCH', cloudWatch.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    let now = 1_000_000;
    const deadLetterQueues = [{ name: 'dlq', url: dlq, queueUrl: queue }];
    const more = { stateTable: undefined, importBucket: undefined, others: [], place: 'here' };
    const status = openStatus({ queueUrl: queue, deadLetterQueues, ...more }, () => now);
    onTestFinished(() => status.close());
    await send(dlq, 'FIRST');
    expect((await status.read()).deadLetters.byCode).toEqual({ FIRST: 1 });
    const { Messages: [first] = [] } = await receive(dlq);
    await sqs.client.send(new DeleteMessageCommand({ QueueUrl: dlq, ReceiptHandle: first?.ReceiptHandle }));
    await send(dlq, 'SECOND');
    expect((await status.read()).deadLetters.byCode).toEqual({ FIRST: 1 });
    now += 30_000;
    expect((await status.read()).deadLetters.byCode).toEqual({ SECOND: 1 });
  });

  it('says in one line that the stack is gone', async () => {
    const { env, cwd } = announcedStack({});
    const { code, out, err } = await runCommand(['status', '--watch'], { env, cwd });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^.+\n$/);
  });
});

describe.skipIf(!existsSync('/usr/bin/script'))('status --watch on a terminal', () => {
  it('shows what changes over what it showed, and leaves the terminal as it was at Ctrl-C', async () => {
    const { env, cwd, queue, send } = await world();
    const main = resolve(import.meta.dirname, '../../../cli/main.ts');
    const command = `trap : INT; stty cols 30 rows 20; ${process.execPath} ${main} status --watch; echo "exit $?"; stty -a`;
    const child = spawn('/usr/bin/script', ['-qfec', command, '/dev/null'], {
      cwd,
      env: { ...env, PATH: process.env['PATH'], HOME: '/nonexistent', SHELL: '/bin/sh' },
    });
    const exited = once(child, 'exit');
    let seen = '';
    child.stdout.on('data', (chunk) => {
      seen += String(chunk);
    });
    const shows = (wanted: string) => until(() => expect(seen).toContain(wanted));
    await shows('imports');
    expect(seen).toContain('records       0 waiting, 0');
    await send(queue);
    await shows('1 waiting');
    const drawn = stripVTControlCharacters(seen).split(/[\r\n]+/);
    for (const line of drawn) expect(line.length).toBeLessThan(30);
    // Up to the first line, to print over all.
    expect(seen).toContain('\u001b[7A\r\u001b[J');
    child.stdin.write('\u0003');
    await shows('iexten');
    expect(seen).toContain('exit 0');
    expect(seen).toMatch(/[^-]icanon/);
    // No mode was set: neither cursor nor wrap was switched off.
    expect(seen).not.toContain('\u001b[?');
    child.stdin.end();
    await exited;
  });
});
