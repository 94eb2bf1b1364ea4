import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sendMessages } from '../../../lib/aws/sqs.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { InvalidInputError } from '../../../lib/core/errors.ts';
import { recallReasons, rememberKey, toDeadLetter } from '../../../lib/record-queue/dead-letter.ts';
import { redrive } from '../../../lib/record-queue/redrive.ts';
import type { SqsFixture } from '../../emulator/aws/sqs/local-sqs.ts';
import { startStateTable } from '../aws/local-state-table.ts';
import { startStubbedSqs } from './stubbed-sqs.ts';

let fixture: SqsFixture;
let urls: { deadLetterUrl: string; queueUrl: string };
let queues = 0;

beforeAll(async () => {
  fixture = await startStubbedSqs();
});
afterAll(() => fixture.close());

function createQueue(name: string, fifo = false): Promise<string> {
  return fixture.queue(`${name}${fifo ? '.fifo' : ''}`, fifo ? { FifoQueue: 'true' } : {});
}

beforeEach(async () => {
  queues += 1;
  urls = { deadLetterUrl: await createQueue(`dlq${queues}`), queueUrl: await createQueue(`queue${queues}`) };
});

const queued = (messageId: string, groupId?: string) => ({
  messageId,
  receiptHandle: '',
  body: `{"id":"${messageId}"}`,
  receiveCount: 3,
  sentAtMs: 0,
  firstReceivedAtMs: 0,
  groupId,
  attributes: { tenant: { dataType: 'String', text: 'a' } },
  isFifo: groupId !== undefined,
});

async function deadLetter(id: string, error: Error, groupId?: string): Promise<void> {
  expect(await sendMessages(urls.deadLetterUrl, [toDeadLetter(queued(id, groupId), error, 'r1')])).toEqual(
    [],
  );
}

async function receiveAll(QueueUrl: string) {
  const { Messages = [] } = await fixture.client.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ['All'],
      VisibilityTimeout: 0,
    }),
  );
  return Messages;
}

async function visible(QueueUrl: string): Promise<string | undefined> {
  const AttributeNames = ['ApproximateNumberOfMessages'] as const;
  return (
    await fixture.client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
    )
  ).Attributes?.ApproximateNumberOfMessages;
}

const invalid = new InvalidInputError('table', 'required');

describe('letters that fail again', () => {
  /** What a function would do, once: takes the message from the queue and gives the letter back. */
  async function fail(): Promise<void> {
    const [message] = await receiveAll(urls.queueUrl);
    if (message?.ReceiptHandle === undefined) return;
    await deadLetter('m1', invalid);
    const { ReceiptHandle } = message;
    await fixture.client.send(new DeleteMessageCommand({ QueueUrl: urls.queueUrl, ReceiptHandle }));
  }

  it('are waited for while the queue holds them, and reported', async () => {
    await deadLetter('m1', invalid);
    let asked = 0;
    const nowMs = () => {
      asked += 1;
      // The queue gathers messages for a while: the first looks find the letter gone and the message still there.
      if (asked === 3) void fail();
      return 0;
    };
    const settings = { ...urls, waitSeconds: 0, watchSeconds: 5, nowMs, dryRun: false };
    const report = await redrive(settings);
    expect(report).toMatchObject({ moved: 1, underWay: 0, returned: new Map([['INVALID_INPUT', 1]]) });
    expect(await visible(urls.deadLetterUrl)).toBe('1');
  });

  it('are not those that had failed before', async () => {
    for (let letter = 0; letter < 12; letter += 1) await deadLetter('m1', invalid);
    const report = await redrive({ ...urls, waitSeconds: 0, dryRun: false });
    expect(report).toMatchObject({ moved: 12, returned: new Map(), found: new Map([['INVALID_INPUT', 12]]) });
    expect(await visible(urls.deadLetterUrl)).toBe('0');
  });

  it.each([
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ])('and those that had failed before are known where the clock here is %s', async (_, aheadMs) => {
    for (let letter = 0; letter < 12; letter += 1) await deadLetter('m1', invalid);
    const end = new AbortController();
    const report = await redrive({
      ...{ deadLetterUrl: urls.deadLetterUrl, queueUrl: urls.deadLetterUrl, waitSeconds: 0, dryRun: false },
      ...{ nowMs: () => Date.now() + aheadMs, signal: end.signal },
      onProgress: (looked) => looked > 100 && end.abort(),
    });
    expect(report).toMatchObject({ moved: 12, returned: new Map([['UNKNOWN', 12]]) });
  });

  it('are not waited for longer than was asked, and what is under way is counted', async () => {
    await deadLetter('m1', invalid);
    let nowMs = 0;
    const tick = () => (nowMs += 1_000);
    const report = await redrive({ ...urls, waitSeconds: 0, watchSeconds: 5, nowMs: tick, dryRun: false });
    expect(report).toMatchObject({ moved: 1, underWay: 1, returned: new Map() });
    expect(nowMs).toBeLessThan(10_000);
  });
});

describe('a redrive', () => {
  it('moves letters back as they were, with their key and without the reasons', async () => {
    await deadLetter('m1', invalid);
    expect(await redrive({ ...urls, waitSeconds: 0, dryRun: false })).toMatchObject({
      moved: 1,
      failures: [],
    });
    const [message] = await receiveAll(urls.queueUrl);
    expect(message?.Body).toBe('{"id":"m1"}');
    expect(message?.MessageAttributes).toMatchObject({
      IdempotencyKey: { StringValue: 'm1' },
      tenant: { StringValue: 'a' },
    });
    expect(Object.keys(message?.MessageAttributes ?? {})).toHaveLength(2);
    expect(await visible(urls.deadLetterUrl)).toBe('0');
  });

  it('moves only letters with the codes asked for, and leaves the others where they are', async () => {
    await deadLetter('m1', invalid);
    await deadLetter('m2', new Error('bug'));
    const report = await redrive({ ...urls, waitSeconds: 0, codes: ['INTERNAL'], dryRun: false });
    expect(report).toMatchObject({
      moved: 1,
      found: new Map([
        ['INVALID_INPUT', 1],
        ['INTERNAL', 1],
      ]),
    });
    expect(await receiveAll(urls.queueUrl)).toMatchObject([{ Body: '{"id":"m2"}' }]);
    expect(await visible(urls.deadLetterUrl)).toBe('1');
  });

  it('moves nothing in a dry run, and reports what it would find', async () => {
    for (let index = 0; index < 25; index += 1) await deadLetter(`m${index}`, invalid);
    const looked: number[] = [];
    const report = await redrive({
      ...urls,
      waitSeconds: 0,
      dryRun: true,
      onProgress: (count) => looked.push(count),
    });
    expect(report).toEqual({
      moved: 0,
      failures: [],
      isInterrupted: false,
      unseen: 0,
      found: new Map([['INVALID_INPUT', 25]]),
      returned: new Map(),
      underWay: 0,
    });
    expect(looked.at(-1)).toBe(25);
    expect(await visible(urls.deadLetterUrl)).toBe('25');
    expect(await visible(urls.queueUrl)).toBe('0');
  });

  it('gives a letter that SQS moved by itself the key that it had, its message id', async () => {
    const { MessageId } = await fixture.client.send(
      new SendMessageCommand({ QueueUrl: urls.deadLetterUrl, MessageBody: '{}' }),
    );
    await redrive({ ...urls, waitSeconds: 0, dryRun: false });
    expect(await receiveAll(urls.queueUrl)).toMatchObject([
      { MessageAttributes: { IdempotencyKey: { StringValue: MessageId } } },
    ]);
  });

  it('counts letters that a FIFO queue does not show, as they stand behind those that stay', async () => {
    urls = {
      deadLetterUrl: await createQueue(`dlq${queues}`, true),
      queueUrl: await createQueue(`queue${queues}`, true),
    };
    for (let index = 0; index < 13; index += 1) await deadLetter(`m${index}`, invalid, 'g1');
    const report = await redrive({ ...urls, waitSeconds: 0, dryRun: true });
    expect(report).toMatchObject({ found: new Map([['INVALID_INPUT', 10]]), unseen: 3 });
    expect(await redrive({ ...urls, waitSeconds: 0, dryRun: false })).toMatchObject({ moved: 13, unseen: 0 });
  });

  it('comes to an end though letters that stay are seen again before it has seen all', async () => {
    for (let index = 0; index < 12; index += 1) await deadLetter(`m${index}`, invalid);
    const looked: number[] = [];
    const report = await redrive({
      ...urls,
      waitSeconds: 0,
      codes: ['INTERNAL'],
      dryRun: false,
      hiddenSeconds: 0,
      onProgress: (count) => looked.push(count),
    });
    expect(report).toMatchObject({ moved: 0, failures: [] });
    expect(looked.length).toBeLessThan(5);
    expect(await visible(urls.deadLetterUrl)).toBe('12');
  });

  it('keeps the group of a FIFO message', async () => {
    urls = {
      deadLetterUrl: await createQueue(`dlq${queues}`, true),
      queueUrl: await createQueue(`queue${queues}`, true),
    };
    await deadLetter('m1', invalid, 'g1');
    expect(await redrive({ ...urls, waitSeconds: 0, dryRun: false })).toMatchObject({
      moved: 1,
      failures: [],
    });
    expect(await visible(urls.queueUrl)).toBe('1');
  });

  it('moves a letter with a group back to a standard queue, and keeps the group', async () => {
    const letter = { QueueUrl: urls.deadLetterUrl, MessageBody: '{}', MessageGroupId: 'tenant-a' };
    await fixture.client.send(new SendMessageCommand(letter));
    expect(await redrive({ ...urls, waitSeconds: 0, dryRun: false })).toMatchObject({
      moved: 1,
      failures: [],
    });
    const { Messages } = await fixture.client.send(
      new ReceiveMessageCommand({ QueueUrl: urls.queueUrl, MessageSystemAttributeNames: ['MessageGroupId'] }),
    );
    expect(Messages).toMatchObject([{ Attributes: { MessageGroupId: 'tenant-a' } }]);
  });

  it('ends though every letter that it moves fails again at once', async () => {
    await deadLetter('m1', invalid);
    // The letters come straight back, as from a queue whose consumer fails.
    const report = await redrive({
      deadLetterUrl: urls.deadLetterUrl,
      queueUrl: urls.deadLetterUrl,
      waitSeconds: 0,
      dryRun: false,
    });
    expect(report).toMatchObject({ moved: 1, failures: [], found: new Map([['INVALID_INPUT', 1]]) });
    expect([...report.returned.values()]).toEqual([1]);
  });

  it('restores all ten attributes of a message', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `attribute${index}`);
    const attributes = Object.fromEntries(
      names.map((name, index) => [
        name,
        index === 9 ? { dataType: 'Binary', base64: 'AAEC' } : { dataType: 'String.kind', text: name },
      ]),
    );
    const letter = toDeadLetter({ ...queued('m1'), attributes }, invalid, 'r1');
    expect(await sendMessages(urls.deadLetterUrl, [letter])).toEqual([]);
    expect(await redrive({ ...urls, waitSeconds: 0, dryRun: false })).toMatchObject({
      failures: [],
      moved: 1,
    });
    const [message] = await receiveAll(urls.queueUrl);
    const expected = names.map((name, index) => [
      name,
      index === 9
        ? { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 1, 2) }
        : { DataType: 'String.kind', StringValue: name },
    ]);
    expect(message?.MessageAttributes).toEqual(Object.fromEntries(expected));
  });

  it('gives back at once what it took when it is interrupted', async () => {
    for (let index = 0; index < 15; index += 1) await deadLetter(`m${index}`, invalid);
    const controller = new AbortController();
    const report = await redrive({
      ...urls,
      waitSeconds: 0,
      dryRun: false,
      codes: ['NONE'],
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(report).toMatchObject({ moved: 0, isInterrupted: true });
    expect(await visible(urls.deadLetterUrl)).toBe('15');
  });

  describe('of a letter that SQS moved by itself, with ten attributes and no key,', () => {
    const attributes = Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => [`a${index}`, { DataType: 'String', StringValue: 'x' }]),
    );
    const send = (MessageBody: string) =>
      fixture.client.send(
        new SendMessageCommand({
          QueueUrl: urls.deadLetterUrl,
          MessageBody,
          MessageAttributes: attributes,
        }),
      );

    it('remembers the key by the body, as there is no room for it', async () => {
      const { table } = await startStateTable(systemClock);
      const { MessageId } = await send('{"table":"incident"}');
      const remembered = { stateTable: table, deployment: 'd' };
      const report = await redrive({ ...urls, waitSeconds: 0, dryRun: false, remembered });
      expect(report).toMatchObject({ moved: 1, failures: [] });
      expect(await recallReasons('{"table":"incident"}', table, 'd')).toMatchObject([{ key: MessageId }]);
    });

    it('moves all letters that share a body, each once, though one after another', async () => {
      const { table } = await startStateTable(systemClock);
      const remembered = { stateTable: table, deployment: 'd' };
      const body = '{"table":"incident"}';
      // SQS gives ten at a time.
      const keys = Array.from({ length: 12 }, (_, index) => `m${index}`);
      for (const key of keys) await rememberKey(body, key, { ...remembered, nowMs: Date.now() });
      for (const _ of keys)
        await fixture.client.send(
          new SendMessageCommand({ QueueUrl: urls.deadLetterUrl, MessageBody: body }),
        );
      const report = await redrive({ ...urls, waitSeconds: 0, dryRun: false, remembered });
      expect(report).toMatchObject({ moved: 12, failures: [], returned: new Map() });
      expect(await visible(urls.queueUrl)).toBe('12');
    });

    it('holds up the later letters of its FIFO group when it cannot be moved', async () => {
      urls = {
        deadLetterUrl: await createQueue(`dlq${queues}`, true),
        queueUrl: await createQueue(`queue${queues}`, true),
      };
      const letter = { QueueUrl: urls.deadLetterUrl, MessageGroupId: 'g1', MessageDeduplicationId: 'd1' };
      const ten = { ...letter, MessageBody: '{"table":"incident"}', MessageAttributes: attributes };
      await fixture.client.send(new SendMessageCommand(ten));
      await deadLetter('m2', invalid, 'g1');
      await deadLetter('m3', invalid, 'g2');
      const report = await redrive({ ...urls, waitSeconds: 0, dryRun: false });
      expect(report).toMatchObject({
        moved: 1,
        failures: [expect.stringContaining('--state-table'), expect.stringContaining('an earlier letter')],
      });
      expect(await receiveAll(urls.queueUrl)).toMatchObject([{ Body: '{"id":"m3"}' }]);
    });

    it('is seen again at once by the next redrive when the state table was away', async () => {
      await send('{"table":"incident"}');
      const { table } = await startStateTable(systemClock);
      const query = () => Promise.reject(new Error('the table is away'));
      const remembered = { stateTable: { ...table, query }, deployment: 'd' };
      const run = redrive({ ...urls, waitSeconds: 0, dryRun: false, remembered });
      await expect(run).rejects.toThrow('the table is away');
      expect(await visible(urls.deadLetterUrl)).toBe('1');
    });

    it('leaves it where it is without a state table', async () => {
      await send('{"table":"incident"}');
      await send('{"table":"incident","key":"its-own"}');
      const report = await redrive({ ...urls, waitSeconds: 0, dryRun: false });
      expect(report).toMatchObject({ moved: 1, failures: [expect.stringContaining('--state-table')] });
      expect(await visible(urls.deadLetterUrl)).toBe('1');
    });
  });
});
