import { setImmediate as tick } from 'node:timers/promises';
import { SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type EventSourceMapping,
  type Outcome,
  startEventSourceMapping,
} from '../../../../emulator/aws/sqs/event-source-mapping/event-source-mapping.ts';
import { until } from '../../../until.ts';
import { HandClock, type SqsFixture, startSqsFixture } from './local-sqs.ts';

const FUNCTION = 'arn:aws:lambda:us-east-1:000000000000:function:write';
let clock: HandClock;
let fixture: SqsFixture;
let mapping: EventSourceMapping | undefined;
let events: SQSEvent[];

beforeEach(async () => {
  clock = new HandClock();
  fixture = await startSqsFixture(clock);
  events = [];
});
afterEach(async () => {
  await mapping?.stop();
  mapping = undefined;
  await fixture.close();
});

type Answer = (event: SQSEvent) => unknown;

function start(name: string, answer: Answer, more: object = {}) {
  const queue = fixture.sqs.state.queues.byUrl(name);
  const invoke = async (functionArn: string, event: SQSEvent): Promise<Outcome> => {
    expect(functionArn).toBe(FUNCTION);
    events.push(event);
    return { payload: Buffer.from(JSON.stringify((await answer(event)) ?? null)) };
  };
  const base = { batchSize: 10, reportBatchItemFailures: true, maximumConcurrency: 1 };
  mapping = startEventSourceMapping({
    state: fixture.sqs.state,
    queue,
    functionArn: FUNCTION,
    invoke,
    ...base,
    ...more,
  });
}

const sendAll = (QueueUrl: string, bodies: string[]) =>
  fixture.client.send(
    new SendMessageBatchCommand({
      QueueUrl,
      Entries: bodies.map((MessageBody, n) => ({ Id: `${n}`, MessageBody })),
    }),
  );
const left = (name: string) => {
  const { visible, inFlight } = fixture.sqs.state.messages.counts(name, clock.now());
  return visible + inFlight;
};
const bodiesOf = (event: SQSEvent | undefined) => event?.Records.map(({ body }) => body);

describe('an event source mapping', () => {
  it('hands over a batch in the shape of an SQS event and deletes what is done', async () => {
    const url = await fixture.queue('shape');
    const MessageAttributes = { Key: { DataType: 'String', StringValue: 'k' } };
    const { MessageId, MD5OfMessageBody, MD5OfMessageAttributes } = await fixture.client.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: '{}', MessageAttributes }),
    );
    start('shape', () => ({ batchItemFailures: [] }));
    await until(() => expect(left('shape')).toBe(0));
    expect(events).toEqual([
      {
        Records: [
          {
            messageId: MessageId,
            receiptHandle: expect.stringMatching(/^AQEB/),
            body: '{}',
            attributes: {
              ApproximateReceiveCount: '1',
              SentTimestamp: `${clock.now()}`,
              SenderId: expect.any(String),
              ApproximateFirstReceiveTimestamp: `${clock.now()}`,
            },
            messageAttributes: {
              Key: { stringValue: 'k', stringListValues: [], binaryListValues: [], dataType: 'String' },
            },
            md5OfBody: MD5OfMessageBody,
            md5OfMessageAttributes: MD5OfMessageAttributes,
            eventSource: 'aws:sqs',
            eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:shape',
            awsRegion: 'us-east-1',
          },
        ],
      },
    ]);
  });

  it('keeps exactly the messages that the function reports, and brings them again', async () => {
    const url = await fixture.queue('partial');
    await sendAll(url, ['good', 'bad', 'fine']);
    start('partial', ({ Records }) => ({
      batchItemFailures: Records.filter(({ body }) => body === 'bad').map((one) => ({
        itemIdentifier: one.messageId,
      })),
    }));
    await until(() => expect(left('partial')).toBe(1));
    clock.advance(30_000);
    fixture.sqs.state.wake('partial');
    await until(() => expect(events).toHaveLength(2));
    expect(bodiesOf(events[1])).toEqual(['bad']);
    expect(events[1]?.Records[0]?.attributes.ApproximateReceiveCount).toBe('2');
  });

  it.each<[string, Answer]>([
    ['the function throws', () => Promise.reject(new Error('boom'))],
    ['it names an id that is not of the batch', () => ({ batchItemFailures: [{ itemIdentifier: 'other' }] })],
    ['it names an empty id', () => ({ batchItemFailures: [{ itemIdentifier: '' }] })],
    ['its answer has another shape', () => ({ batchItemFailures: [{ id: 'x' }] })],
    ['its answer is no object', () => 'done'],
  ])('keeps the whole batch when %s', async (_case, answer) => {
    const url = await fixture.queue('whole');
    await sendAll(url, ['a', 'b']);
    start('whole', answer);
    await until(() => expect(events).toHaveLength(1));
    await tick();
    expect(left('whole')).toBe(2);
  });

  it.each<[string, Answer]>([
    ['nothing', () => undefined],
    ['an empty object', () => ({})],
    ['no list', () => ({ batchItemFailures: null })],
  ])('takes %s for success', async (_case, answer) => {
    const url = await fixture.queue('success');
    await sendAll(url, ['a', 'b']);
    start('success', answer);
    await until(() => expect(left('success')).toBe(0));
  });

  it('deletes the whole batch when the function does not report by item', async () => {
    const url = await fixture.queue('unreported');
    await sendAll(url, ['a', 'b']);
    start('unreported', () => ({ batchItemFailures: [{ itemIdentifier: 'ignored' }] }), {
      reportBatchItemFailures: false,
    });
    await until(() => expect(left('unreported')).toBe(0));
  });

  it('moves a message that keeps failing to the dead-letter queue', async () => {
    await fixture.queue('dead');
    const url = await fixture.queue('poisoned', {
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead',
        maxReceiveCount: 2,
      }),
    });
    await sendAll(url, ['poison']);
    start('poisoned', ({ Records }) => ({
      batchItemFailures: Records.map((r) => ({ itemIdentifier: r.messageId })),
    }));
    for (const times of [1, 2]) {
      await until(() => expect(events).toHaveLength(times));
      await tick();
      clock.advance(30_000);
      fixture.sqs.state.wake('poisoned');
    }
    await until(() => expect(left('dead')).toBe(1));
    expect(events).toHaveLength(2);
  });

  it('never runs more copies at once than its maximum concurrency', async () => {
    const url = await fixture.queue('busy');
    for (let batch = 0; batch < 5; batch++) await sendAll(url, ['1', '2', '3', '4']);
    let running = 0;
    let most = 0;
    const answer = async () => {
      running += 1;
      most = Math.max(most, running);
      await tick();
      running -= 1;
    };
    start('busy', answer, { batchSize: 1, maximumConcurrency: 2 });
    await until(() => expect(left('busy')).toBe(0));
    expect(most).toBe(2);
    expect(events).toHaveLength(20);
  });

  it('splits a batch that would be too large for one event', async () => {
    const url = await fixture.queue('large');
    for (let n = 0; n < 8; n++) {
      await fixture.client.send(
        new SendMessageCommand({ QueueUrl: url, MessageBody: `${n}`.repeat(1_000_000) }),
      );
    }
    start('large', () => ({}));
    await until(() => expect(left('large')).toBe(0));
    expect(events.map(({ Records }) => Records.length)).toEqual([5, 3]);
  });

  it('keeps the order within a group while it takes one batch at a time of it', async () => {
    const url = await fixture.queue('ordered.fifo', { FifoQueue: 'true', ContentBasedDeduplication: 'true' });
    for (let n = 0; n < 12; n++) {
      const message = { QueueUrl: url, MessageGroupId: n % 2 ? 'odd' : 'even', MessageBody: `${n}` };
      await fixture.client.send(new SendMessageCommand(message));
    }
    start('ordered.fifo', async () => tick(), { batchSize: 2, maximumConcurrency: 3 });
    await until(() => expect(left('ordered.fifo')).toBe(0));
    const order = events.flatMap(({ Records }) => Records.map(({ body }) => Number(body)));
    const inOrder = (numbers: number[]) => numbers.toSorted((a, b) => a - b);
    for (const rest of [0, 1]) {
      const group = order.filter((n) => n % 2 === rest);
      expect(group).toEqual(inOrder(group));
    }
  });

  it('stops only after the running invocation has ended, and leaves the rest visible', async () => {
    const url = await fixture.queue('stopped');
    await sendAll(url, ['1', '2']);
    let finish = () => {};
    start('stopped', () => new Promise<void>((resolve) => (finish = resolve)), { batchSize: 1 });
    await until(() => expect(events).toHaveLength(1));
    const stopped = mapping?.stop();
    finish();
    await stopped;
    expect(fixture.sqs.state.messages.counts('stopped', clock.now())).toEqual({
      visible: 1,
      inFlight: 0,
      delayed: 0,
    });
  });
});
