import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SqsFixture, startSqsFixture } from '../../emulator/aws/sqs/local-sqs.ts';
import { announcedStack, type Ran, runCommand } from '../run-command.ts';

let fixture: SqsFixture;
beforeAll(async () => {
  fixture = await startSqsFixture();
});
afterAll(() => fixture.close());

type World = {
  readonly queue: string;
  readonly dlq: string;
  /** A queue of the same stack, its dead-letter queue, and one whose letters go back to none. */
  readonly signals: string;
  readonly signalsDlq: string;
  readonly callsDlq: string;
  readonly folder: string;
  run(args: readonly string[], input?: string, env?: Readonly<Record<string, string>>): Promise<Ran>;
};

let worlds = 0;

/** Queues of its own, and a local stack that says where they are. */
async function world(): Promise<World> {
  worlds += 1;
  const [queue, dlq] = [
    await fixture.queue(`records-${worlds}`),
    await fixture.queue(`records-dlq-${worlds}`),
  ];
  const [signals, signalsDlq, callsDlq] = [
    await fixture.queue(`signals-${worlds}`),
    await fixture.queue(`signals-dlq-${worlds}`),
    await fixture.queue(`calls-dlq-${worlds}`),
  ];
  const queues = [
    { name: `signals-${worlds}`, url: signals },
    { name: 'signals-dlq', url: signalsDlq, deadLettersOf: signals },
    { name: 'calls-dlq', url: callsDlq, deadLettersOf: null },
  ];
  const sqs = { endpoint: fixture.sqs.url, recordsQueueUrl: queue, recordsDlqUrl: dlq, queues };
  const { env, cwd } = announcedStack({ sqs });
  const run = (args: readonly string[], input?: string, more: Readonly<Record<string, string>> = {}) =>
    runCommand(args, { env: { ...env, ...more }, cwd, ...(input !== undefined && { input }) });
  return { queue, dlq, signals, signalsDlq, callsDlq, folder: cwd, run };
}

async function bodies(QueueUrl: string): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const { Messages = [] } = await fixture.client.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 60 }),
    );
    if (Messages.length === 0) return found.toSorted();
    found.push(...Messages.map(({ Body = '' }) => Body));
  }
}

/** A letter as the queue writes it, with the id that its message had, or as SQS moved it. */
async function sendLetter(QueueUrl: string, body: string, code?: string, reason = 'because'): Promise<void> {
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  const MessageAttributes = code
    ? {
        ...{ ErrorCode: text(code), ErrorMessage: text(reason), Attempts: text('1') },
        IdempotencyKey: text(randomUUID()),
      }
    : {};
  await fixture.client.send(new SendMessageCommand({ QueueUrl, MessageBody: body, MessageAttributes }));
}

const good = (key: string) => JSON.stringify({ table: 'incident', key, record: { urgency: '1' } });

describe('servicenow-functions send', () => {
  it('sends a message to the local stack, a file of several, and what stands on its input', async () => {
    const { queue, folder, run } = await world();
    await writeFile(join(folder, 'messages.jsonl'), `${good('b')}\n\n${good('c')}\n`);
    const one = await run(['send', good('a')]);
    expect(one).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^1 message sent to the local stack: \S+\n$/),
    });
    const two = await run(['send', 'messages.jsonl', '--json']);
    expect(JSON.parse(two.out)).toEqual({
      queueUrl: queue,
      messageIds: [expect.any(String), expect.any(String)],
    });
    await run(['send', '-'], good('d'));
    expect(await bodies(queue)).toEqual(['a', 'b', 'c', 'd'].map(good));
  });

  it.each([
    ['AWS_PROFILE', 'work'],
    ['AWS_PROFILE', 'nowhere'],
    ['AWS_ENDPOINT_URL', 'http://127.0.0.1:9'],
    ['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'true'],
    ['AWS_USE_FIPS_ENDPOINT', 'true'],
  ])('sends to the local stack with %s=%s in the environment', async (name, value) => {
    const { queue, folder, run } = await world();
    const config = join(folder, 'config');
    await writeFile(
      config,
      '[profile work]\nregion = eu-west-1\nsso_session = work\nuse_fips_endpoint = true\n',
    );
    const { code, err } = await run(['send', good('a')], '', { AWS_CONFIG_FILE: config, [name]: value });
    expect([code, err]).toEqual([0, '']);
    expect(await bodies(queue)).toEqual([good('a')]);
  });

  it('sends to a queue of the local stack by its name', async () => {
    const { signals, run } = await world();
    const name = signals.slice(signals.lastIndexOf('/') + 1);
    const { code, err } = await run(['send', good('a'), '--queue', name]);
    expect([code, err]).toEqual([0, '']);
    expect(await bodies(signals)).toEqual([good('a')]);
  });

  it('sends nothing when one message could never be written, and names the field', async () => {
    const { queue, folder, run } = await world();
    await writeFile(join(folder, 'messages.jsonl'), `${good('a')}\n{"table":"incident","recrod":{}}\n`);
    const { code, err } = await run(['send', 'messages.jsonl']);
    expect(code).toBe(1);
    expect(err).toMatch(/^message 2: recrod: is not a known field/);
    expect(await bodies(queue)).toEqual([]);
  });

  it('reads a file as an editor saved it, and refuses one that is not UTF-8', async () => {
    const { queue, folder, run } = await world();
    await writeFile(join(folder, 'marked.json'), `\uFEFF${good('a')}`);
    await writeFile(join(folder, 'latin.jsonl'), Buffer.from(good('ü'), 'latin1'));
    const [marked, latin] = [await run(['send', 'marked.json']), await run(['send', 'latin.jsonl'])];
    expect([marked.code, latin.code, latin.err]).toEqual([
      0,
      1,
      'latin.jsonl: is not text in UTF-8; save it in that encoding\n',
    ]);
    expect(await bodies(queue)).toEqual([good('a')]);
  });

  it('names what was sent when SQS refuses a later message, and refuses one that is too large before all', async () => {
    const { queue, folder, run } = await world();
    const large = JSON.stringify({ table: 'incident', record: { description: 'x'.repeat(1_048_576) } });
    await writeFile(join(folder, 'large.jsonl'), [good('a'), large].join('\n'));
    expect((await run(['send', 'large.jsonl'])).err).toMatch(/^message 2: body: must not exceed 1048576 /);
    expect(await bodies(queue)).toEqual([]);
    // A character that SQS does not take.
    const messages = [good('a'), good('b'), good('c\uFFFE'), good('d')].join('\n');
    await writeFile(join(folder, 'messages.jsonl'), messages);
    const { code, out, err } = await run(['send', 'messages.jsonl', '--json']);
    expect(JSON.parse(out).messageIds).toHaveLength(2);
    expect([code, err]).toEqual([1, expect.stringMatching(/^2 of 4 messages sent; message 3: /)]);
    expect(await bodies(queue)).toEqual([good('a'), good('b')]);
  });

  it.each([
    [['send'], 2, /^missing required argument 'message'/],
    [['send', '{'], 1, /^body: is not valid JSON\n$/],
    [['send', 'nowhere.json'], 1, /nowhere\.json: no such file\n$/],
    [['send', good('a'), '--queue', 'no-such-queue'], 1, /region|no such queue/],
    [['send', `[${good('a')}]`], 1, /^body: .*object/],
    [['send', tmpdir()], 1, /^\S+: is a folder; a file is needed\n$/],
    [['send', 'x'.repeat(5_000)], 1, /^x{60}…: is too long for the name of a file\n$/],
  ])('%j exits with %i and says why in one line', async (args, code, message) => {
    const { run } = await world();
    const ran = await run(args);
    expect([ran.code, ran.out]).toEqual([code, '']);
    expect(ran.err).toMatch(message);
    expect(ran.err).not.toMatch(/^ +at /m);
  });
});

describe('servicenow-functions dead-letters', () => {
  it('lists letters with key, code and reason, and hides none from others', async () => {
    const { dlq, run } = await world();
    await sendLetter(dlq, good('alarm-7'), 'TABLE_NOT_ALLOWED', 'table: not\u202e served');
    await sendLetter(dlq, '{"key":"alarm-8"}');
    const { code, out } = await run(['dead-letters']);
    expect(code).toBe(0);
    expect(out).toContain('2 dead letters in the local stack: ');
    expect(out).toContain('  alarm-7  TABLE_NOT_ALLOWED  after 1 receive\n    table: not  served\n');
    expect(out).toContain('  alarm-8  UNKNOWN\n');
    expect(out).not.toContain('"urgency"');
    const AttributeNames = ['ApproximateNumberOfMessages' as const];
    const { Attributes } = await fixture.client.send(
      new GetQueueAttributesCommand({ QueueUrl: dlq, AttributeNames }),
    );
    expect(Attributes?.ApproximateNumberOfMessages).toBe('2');
  });

  it('shows bodies on request, stops at a limit, and says when there is nothing', async () => {
    const { dlq, run } = await world();
    expect((await run(['dead-letters'])).out).toBe('No dead letters in the local stack.\n');
    for (const key of ['a', 'b', 'c']) await sendLetter(dlq, good(key), 'DATA_POLICY');
    const { out } = await run(['dead-letters', '--body', '--limit', '2']);
    expect(out).toMatch(/^2 dead letters in the local stack, of about 3: 2 DATA_POLICY\n/);
    expect(out).toContain('"urgency":"1"');
    const json = await run(['dead-letters', '--json']);
    expect(
      json.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).key)
        .toSorted(),
    ).toEqual(['a', 'b', 'c']);
  });
});

describe('dead letters of several queues', () => {
  it('are listed by queue, and each goes back to the queue it came from', async () => {
    const { queue, signals, callsDlq, signalsDlq, dlq, run } = await world();
    await sendLetter(dlq, good('a'), 'DATA_POLICY');
    await sendLetter(signalsDlq, good('b'), 'DATA_POLICY');
    await sendLetter(callsDlq, '{}');
    const { out } = await run(['dead-letters']);
    for (const name of ['records-dlq-\\d+', 'signals-dlq', 'calls-dlq'])
      expect(out).toMatch(new RegExp(`^1 dead letter in the local stack, ${name}: `, 'm'));
    const one = await run(['dead-letters', '--dlq', 'signals-dlq', '--json']);
    expect(JSON.parse(one.out)).toMatchObject({ queue: 'signals-dlq', key: 'b' });
    const moved = await run(['redrive', '--json', '--wait', '0']);
    expect(JSON.parse(moved.out)).toMatchObject({ moved: 2, found: { DATA_POLICY: 2 } });
    expect(await bodies(queue)).toEqual([good('a')]);
    expect(await bodies(signals)).toEqual([good('b')]);
    expect(await bodies(callsDlq)).toEqual(['{}']);
  });

  it('a name that is none of the stack is asked of AWS, and of the stack alone with --stack', async () => {
    const { folder, run } = await world();
    const asked = await run(['dead-letters', '--dlq', 'nope', '--stack', folder]);
    expect([asked.code, asked.err]).toEqual([
      1,
      expect.stringMatching(/^nope: the local stack has no such queue; there are signals-/),
    ]);
    for (const names of [
      ['dead-letters', '--dlq', 'nope'],
      ['redrive', '--queue', 'signals-dlq', '--dlq', 'nope'],
    ]) {
      const { code, err } = await run(names);
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(
          /^nope: the local stack has no such queue; there are signals-\S+, signals-dlq, calls-dlq\. On AWS: No AWS region is set\..*\n$/,
        ),
      ]);
    }
  });

  it('a name is no queue of the stack of another folder, which is named', async () => {
    const { folder } = await world();
    const env = { XDG_CACHE_HOME: join(folder, 'cache') };
    const { code, err } = await runCommand(['dead-letters', '--dlq', 'nope'], { env, cwd: tmpdir() });
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^No local stack of .*--stack .*announced-stack-.* On AWS: No AWS region is set/),
    ]);
  });
});

describe('servicenow-functions redrive', () => {
  it('counts what it would move, and moves it to the queue of the local stack', async () => {
    const { queue, dlq, run } = await world();
    for (const [key, code] of [
      ['a', 'DATA_POLICY'],
      ['b', 'THROTTLED'],
    ] as const)
      await sendLetter(dlq, good(key), code);
    const dry = await run(['redrive', '--code', 'DATA_POLICY', '--dry-run']);
    expect(dry.out).toContain('Dry run: nothing was moved; without --dry-run 1 would be.');
    const moved = await run(['redrive', '--code', 'DATA_POLICY', '--json', '--wait', '0']);
    expect(JSON.parse(moved.out)).toMatchObject({ moved: 1, found: { DATA_POLICY: 1, THROTTLED: 1 } });
    expect([await bodies(queue), await bodies(dlq)]).toEqual([[good('a')], [good('b')]]);
  });
});
