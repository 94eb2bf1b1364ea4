import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  PurgeQueueCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSqs } from '../../../../emulator/aws/sqs/sqs.ts';
import { until } from '../../../until.ts';
import { HandClock, type SqsFixture, sqsClient, startSqsFixture } from './local-sqs.ts';

const clock = new HandClock();
let fixture: SqsFixture;
beforeAll(async () => {
  fixture = await startSqsFixture(clock);
});
afterAll(() => fixture.close());

const send = (QueueUrl: string, MessageBody: string, more: object = {}) =>
  fixture.client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }));
const receive = async (QueueUrl: string, more: object = {}) =>
  (
    await fixture.client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['All'],
        ...more,
      }),
    )
  ).Messages ?? [];
const attribute = async (
  QueueUrl: string,
  name: 'ApproximateNumberOfMessages' | 'ApproximateNumberOfMessagesNotVisible',
) =>
  (await fixture.client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })))
    .Attributes?.[name];

describe('a message', () => {
  it.each([
    [
      'eleven',
      Object.fromEntries(
        Array.from({ length: 11 }, (_, index) => [`a${index}`, { DataType: 'String', StringValue: 'x' }]),
      ),
    ],
    ['an empty one', { a: { DataType: 'String', StringValue: '' } }],
    ['a control character', { a: { DataType: 'String', StringValue: '\u0007' } }],
    ['a name with a space', { 'a b': { DataType: 'String', StringValue: 'x' } }],
    ['a name that belongs to AWS', { 'AWS.trace': { DataType: 'String', StringValue: 'x' } }],
    ['a name that ends with a dot', { 'a.': { DataType: 'String', StringValue: 'x' } }],
  ])('is refused with the attributes that SQS refuses: %s', async (_case, MessageAttributes) => {
    const url = await fixture.queue('attributes');
    await expect(send(url, 'x', { MessageAttributes })).rejects.toThrow(/attribute/);
  });

  it('may have a group, but no deduplication id', async () => {
    const url = await fixture.queue('groups');
    await send(url, 'x', { MessageGroupId: 'tenant-a' });
    expect(await receive(url)).toMatchObject([{ Attributes: { MessageGroupId: 'tenant-a' } }]);
    await expect(
      send(url, 'x', { MessageGroupId: 'tenant-a', MessageDeduplicationId: 'd1' }),
    ).rejects.toMatchObject({
      name: 'InvalidParameterValue',
      message: expect.stringContaining('MessageDeduplicationId'),
    });
  });

  it('is out of sight after a receive, and comes again when the visibility timeout is over', async () => {
    const url = await fixture.queue('visibility', { VisibilityTimeout: '30' });
    await send(url, 'once');
    expect((await receive(url))[0]?.Attributes?.ApproximateReceiveCount).toBe('1');
    expect(await receive(url)).toEqual([]);
    expect(await attribute(url, 'ApproximateNumberOfMessagesNotVisible')).toBe('1');
    clock.advance(30_000);
    expect((await receive(url))[0]).toMatchObject({
      Body: 'once',
      Attributes: { ApproximateReceiveCount: '2' },
    });
  });

  it('is gone once deleted', async () => {
    const url = await fixture.queue('deleted');
    await send(url, 'bye');
    const [message] = await receive(url);
    await fixture.client.send(
      new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message?.ReceiptHandle }),
    );
    clock.advance(60_000);
    expect(await receive(url)).toEqual([]);
  });

  it('is not deleted by the receipt of an earlier receive', async () => {
    const url = await fixture.queue('stale');
    await send(url, 'again');
    const [first] = await receive(url);
    clock.advance(30_000);
    await receive(url);
    await fixture.client.send(
      new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: first?.ReceiptHandle }),
    );
    clock.advance(30_000);
    expect(await receive(url)).toHaveLength(1);
  });

  it('comes back at once when its visibility is set to 0, and later when it is set longer', async () => {
    const url = await fixture.queue('changed');
    await send(url, 'm');
    const change = async (VisibilityTimeout: number) => {
      const [message] = await receive(url);
      const ReceiptHandle = message?.ReceiptHandle;
      await fixture.client.send(
        new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout }),
      );
    };
    await change(0);
    await change(100);
    clock.advance(99_000);
    expect(await receive(url)).toEqual([]);
    clock.advance(1_000);
    expect(await receive(url)).toHaveLength(1);
  });

  it('stays out of sight for at most 12 hours after its receive, however often that is asked for', async () => {
    const url = await fixture.queue('longest');
    await send(url, 'm');
    const [message] = await receive(url, { VisibilityTimeout: 43_200 });
    const change = (VisibilityTimeout: number) =>
      fixture.client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: url,
          ReceiptHandle: message?.ReceiptHandle,
          VisibilityTimeout,
        }),
      );
    clock.advance(3_600_000);
    await expect(change(43_200)).rejects.toThrow('beyond the limit [43200 seconds]');
    await expect(change(39_601)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await change(39_600);
    clock.advance(39_600_000);
    const [again] = await receive(url);
    expect(again?.Attributes?.ApproximateReceiveCount).toBe('2');
    // Counted from the latest receive, not from the first.
    await fixture.client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: url,
        ReceiptHandle: again?.ReceiptHandle,
        VisibilityTimeout: 43_200,
      }),
    );
  });

  it('has at most 1 MiB, its attributes counted', async () => {
    const url = await fixture.queue('sizes');
    const MessageAttributes = { n: { DataType: 'String', StringValue: 'xx' } };
    const room = 1_048_576 - 'nStringxx'.length;
    await send(url, 'x'.repeat(room), { MessageAttributes });
    await expect(send(url, 'x'.repeat(room + 1), { MessageAttributes })).rejects.toThrow('1048576 bytes');
    await expect(send(url, 'ü'.repeat(524_289))).rejects.toThrow('1048576 bytes');
  });

  it('waits for its delay', async () => {
    const url = await fixture.queue('delayed');
    await send(url, 'later', { DelaySeconds: 5 });
    expect(await receive(url)).toEqual([]);
    clock.advance(5_000);
    expect(await receive(url)).toHaveLength(1);
  });

  it('carries its attributes and the trace header', async () => {
    const url = await fixture.queue('attributes');
    const MessageAttributes = {
      IdempotencyKey: { DataType: 'String', StringValue: 'k-1' },
      Bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 255) },
    };
    const MessageSystemAttributes = { AWSTraceHeader: { DataType: 'String', StringValue: 'Root=1-2-3' } };
    const sent = await send(url, 'm', { MessageAttributes, MessageSystemAttributes });
    const [message] = await receive(url, { MessageAttributeNames: ['All'] });
    expect(message?.MessageAttributes).toMatchObject(MessageAttributes);
    expect(message?.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes);
    expect(message?.Attributes?.AWSTraceHeader).toBe('Root=1-2-3');
  });

  it('has the attribute digest of the documented algorithm', async () => {
    const url = await fixture.queue('digest');
    const MessageAttributes = { IdempotencyKey: { DataType: 'String', StringValue: 'k-1' } };
    const { MD5OfMessageAttributes } = await send(url, 'm', { MessageAttributes });
    // printf '\0\0\0\x0eIdempotencyKey\0\0\0\x06String\x01\0\0\0\x03k-1' | md5sum
    expect(MD5OfMessageAttributes).toBe('5f0fc5c15cf77c42d13d597137dcd20b');
  });

  it('goes to the dead-letter queue, under its own id, after the receives it was allowed', async () => {
    const dead = await fixture.queue('dead');
    const url = await fixture.queue('redriven', {
      VisibilityTimeout: '10',
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead',
        maxReceiveCount: 2,
      }),
    });
    const { MessageId } = await send(url, 'poison');
    for (const _ of [1, 2]) {
      expect(await receive(url)).toHaveLength(1);
      clock.advance(10_000);
    }
    expect(await receive(url)).toEqual([]);
    expect(await receive(dead)).toMatchObject([
      { MessageId, Attributes: { DeadLetterQueueSourceArn: 'arn:aws:sqs:us-east-1:000000000000:redriven' } },
    ]);
  });

  it('is forgotten when its retention is over', async () => {
    const url = await fixture.queue('retention', { MessageRetentionPeriod: '60' });
    await send(url, 'old');
    clock.advance(61_000);
    expect(await receive(url)).toEqual([]);
    expect(await attribute(url, 'ApproximateNumberOfMessages')).toBe('0');
  });
});

describe('a long poll', () => {
  it('is answered as soon as a message comes', async () => {
    const url = await fixture.queue('woken');
    const waiting = receive(url, { WaitTimeSeconds: 20 });
    await send(url, 'now');
    expect(await waiting).toMatchObject([{ Body: 'now' }]);
  });

  it('that is interrupted takes no message with it', async () => {
    const url = await fixture.queue('aborted');
    const given = new AbortController();
    const receiving = vi.spyOn(fixture.sqs.state, 'receive');
    const command = new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 });
    const waiting = fixture.client.send(command, { abortSignal: given.signal });
    await until(() => expect(receiving).toHaveBeenCalled());
    given.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => expect(receiving.mock.calls[0]?.[2].aborted).toBe(true));
    await send(url, 'kept');
    expect(await receive(url, { WaitTimeSeconds: 1 })).toMatchObject([{ Body: 'kept' }]);
  });
});

describe('a batch', () => {
  it('reports which entries were accepted and which were not', async () => {
    const url = await fixture.queue('batch', { MaximumMessageSize: '1024' });
    const Entries = [
      { Id: 'good', MessageBody: 'a' },
      { Id: 'long', MessageBody: 'x'.repeat(1025) },
    ];
    const sent = await fixture.client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(['good']);
    expect(sent.Failed).toMatchObject([{ Id: 'long', Code: 'InvalidParameterValue', SenderFault: true }]);
    const [message] = await receive(url);
    const deleted = await fixture.client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: url,
        Entries: [
          { Id: 'ours', ReceiptHandle: message?.ReceiptHandle },
          { Id: 'odd', ReceiptHandle: 'no receipt' },
        ],
      }),
    );
    expect(deleted.Successful).toEqual([{ Id: 'ours' }]);
    expect(deleted.Failed).toMatchObject([{ Id: 'odd', Code: 'ReceiptHandleIsInvalid' }]);
  });

  it.each([
    [
      'BatchEntryIdsNotDistinct',
      [
        { Id: 'a', MessageBody: 'x' },
        { Id: 'a', MessageBody: 'y' },
      ],
    ],
    ['EmptyBatchRequest', []],
    [
      'TooManyEntriesInBatchRequest',
      Array.from({ length: 11 }, (_, n) => ({ Id: `${n}`, MessageBody: 'x' })),
    ],
    ['BatchRequestTooLong', [1, 2].map((n) => ({ Id: `${n}`, MessageBody: 'x'.repeat(600_000) }))],
  ])('is refused whole with %s', async (name, Entries) => {
    const url = await fixture.queue('batch-refused');
    const sending = fixture.client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    await expect(sending).rejects.toMatchObject({ name });
  });
});

describe('a queue', () => {
  it('is found by its name, and its URL works without a DNS', async () => {
    const url = await fixture.queue('named');
    expect((await fixture.client.send(new GetQueueUrlCommand({ QueueName: 'named' }))).QueueUrl).toBe(url);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/000000000000\/named$/);
  });

  it('that is not there answers QueueDoesNotExist', async () => {
    await expect(send('http://127.0.0.1/000000000000/nowhere', 'x')).rejects.toBeInstanceOf(
      QueueDoesNotExist,
    );
  });

  it('takes new attributes for the next receive', async () => {
    const url = await fixture.queue('reset', { VisibilityTimeout: '30' });
    await fixture.client.send(
      new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { VisibilityTimeout: '1' } }),
    );
    await send(url, 'x');
    await receive(url);
    clock.advance(1_000);
    expect(await receive(url)).toHaveLength(1);
  });

  it('is empty after a purge', async () => {
    const url = await fixture.queue('purged');
    await send(url, 'x');
    await fixture.client.send(new PurgeQueueCommand({ QueueUrl: url }));
    expect(await receive(url)).toEqual([]);
  });

  it('refuses characters that SQS refuses', async () => {
    const url = await fixture.queue('characters');
    await expect(send(url, 'a\u0000b')).rejects.toMatchObject({ name: 'InvalidMessageContents' });
    await send(url, '\t\r\n 😀 \uE000');
  });
});

it('keeps messages, receive counts and flights over a restart', async () => {
  const databaseFile = join(tmpdir(), `sqs-test-${process.pid}.db`);
  const first = await startSqs({ databaseFile, clock });
  const client = sqsClient(first.url);
  first.state.queues.put('kept', {}, clock.now());
  for (const MessageBody of ['one', 'two']) {
    await client.send(new SendMessageCommand({ QueueUrl: first.queueUrl('kept'), MessageBody }));
  }
  await client.send(new ReceiveMessageCommand({ QueueUrl: first.queueUrl('kept') }));
  client.destroy();
  await first.close();

  const second = await startSqs({ databaseFile, clock });
  const again = sqsClient(second.url);
  const take = async () =>
    (await again.send(new ReceiveMessageCommand({ QueueUrl: second.queueUrl('kept') }))).Messages;
  expect(await take()).toMatchObject([{ Body: 'two' }]);
  clock.advance(30_000);
  expect(await take()).toMatchObject([{ Body: 'one' }]);
  again.destroy();
  await second.close();
  for (const end of ['', '-wal', '-shm']) rmSync(databaseFile + end, { force: true });
});
