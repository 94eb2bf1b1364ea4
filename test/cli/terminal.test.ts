import { resolve } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Fixture, startS3Fixture } from '../emulator/aws/s3/local-s3.ts';
import { type SqsFixture, startSqsFixture } from '../emulator/aws/sqs/local-sqs.ts';
import { announcedStack } from './run-command.ts';
import { ctrlC, hasTerminal, leftovers, runInTerminal } from './terminal.ts';

const main = resolve(import.meta.dirname, '../../cli/main.js');
if (!hasTerminal) console.warn('/usr/bin/script is not installed: nothing is tried in a terminal');

describe.skipIf(!hasTerminal)('Ctrl-C in a terminal', () => {
  let sqs: SqsFixture;
  let s3: S3Fixture;
  let worlds = 0;
  beforeAll(async () => {
    [sqs, s3] = await Promise.all([startSqsFixture(), startS3Fixture()]);
  });
  afterAll(() => Promise.all([sqs.close(), s3.close()]));

  async function world() {
    worlds += 1;
    const queue = await sqs.queue(`records-${worlds}`);
    const dlq = await sqs.queue(`letters-${worlds}`);
    const bucket = `terminal-${worlds}`;
    await s3.client.send(new CreateBucketCommand({ Bucket: bucket }));
    const stack = announcedStack({
      sqs: { endpoint: sqs.sqs.url, recordsQueueUrl: queue, recordsDlqUrl: dlq },
      s3: { endpoint: s3.s3.url, bucket },
    });
    const run = (...args: string[]) => {
      const isSetting = (word: string) => word.startsWith('TERM=');
      const words = ['/usr/bin/env', ...args.filter(isSetting), process.execPath, main];
      return runInTerminal([...words, ...args.filter((word) => !isSetting(word))], stack);
    };
    return { bucket, dlq, run };
  }

  it('ends status --watch, which prints over what it printed', async () => {
    const { run } = await world();
    const command = run('status', '--watch');
    await command.printed('\u001b[4A\r\u001b[J');
    command.type(ctrlC);
    expect(await command.exited).toBe(0);
    expect(leftovers(command.output())).toEqual([]);
  });

  it('shows status --watch in 80 columns, whole, also where characters are wide', async () => {
    const { bucket, dlq, run } = await world();
    const times = { startedAt: '2026-01-05T10:00:00.000Z', updatedAt: '2026-01-05T10:00:10.000Z' };
    const phase = { ...times, phase: 'waiting', bytes: { read: 0, total: 0 }, rows: 0, counts: {} };
    const Key = `results/imp_user/${'データ'.repeat(20)}/2026-01-05T10-00-00-a/progress.json`;
    await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(phase) }));
    const letter = (code: string) => ({
      Id: code,
      MessageBody: '{}',
      MessageAttributes: { ErrorCode: { DataType: 'String', StringValue: code } },
    });
    const Entries = ['TABLE_NOT_ALLOWED', 'DATA_POLICY'].map(letter);
    await sqs.client.send(new SendMessageBatchCommand({ QueueUrl: dlq, Entries }));
    const command = run('status', '--watch');
    await command.printed('A\r\u001b[J');
    command.type(ctrlC);
    await command.exited;
    const [first = ''] = command.output().split('\u001b');
    const lines = first.trimEnd().split('\r\n');
    for (const line of lines) expect(line.replaceAll(/[ァ-ー]/g, '..').length).toBeLessThan(80);
    // The cursor goes up by as many lines as there are on the screen.
    expect(command.output()).toContain(`\u001b[${lines.length}A\r`);
    const whole = lines.map((line) => line.trim()).join(' ');
    expect(whole).toContain('see npm run dead-letters');
    expect(whole.replaceAll(' ', '')).toContain(`${'データ'.repeat(20)}→imp_userinline`);
  });

  it('prints no control sequences where the terminal takes none', async () => {
    const { run } = await world();
    const command = run('status', '--watch', 'TERM=dumb');
    await command.printed(/dead letters.*dead letters/s);
    command.type(ctrlC);
    await command.exited;
    expect(command.output()).not.toContain('\u001b');
  });

  it('ends import --follow, whose bar shows how far the import is', async () => {
    const { bucket, run } = await world();
    const times = { startedAt: '2026-01-05T10:00:00.000Z', updatedAt: '2026-01-05T10:00:10.000Z' };
    const progress = { ...times, phase: 'loading', bytes: { read: 50, total: 100 }, rows: 200, counts: {} };
    const folder = 'results/imp_user/people.csv/2026-01-05T10-00-00-a/';
    const Body = JSON.stringify(progress);
    await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key: `${folder}progress.json`, Body }));
    const command = run('import', '--follow', folder);
    await command.printed('loading [');
    await command.printed('200 rows');
    command.type(ctrlC);
    expect(await command.exited).toBe(130);
    expect(leftovers(command.output())).toEqual([]);
  });

  it('ends redrive, whose bar counts the letters, and all of them are somewhere', async () => {
    const { dlq, run } = await world();
    const letters = Array.from({ length: 10 }, (_, n) => ({
      Id: `${n}`,
      MessageBody: '{"table":"incident"}',
    }));
    for (let n = 0; n < 40; n++)
      await sqs.client.send(new SendMessageBatchCommand({ QueueUrl: dlq, Entries: letters }));
    const command = run('redrive');
    await command.printed('/400 letters');
    command.type(ctrlC);
    expect([0, 130]).toContain(await command.exited);
    expect(leftovers(command.output())).toEqual([]);
    const { messages, clock } = sqs.sqs.state;
    const held = ['records', 'letters'].map((name) => messages.counts(`${name}-${worlds}`, clock.now()));
    const sum = held.reduce((all, { visible, inFlight, delayed }) => all + visible + inFlight + delayed, 0);
    expect(sum).toBe(400);
    expect(held.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });
});
