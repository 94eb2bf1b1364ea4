import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendMessage } from '../../../lib/aws/sqs.ts';
import { createEnqueueSignal } from '../../../lib/events/enqueue-signal.ts';
import { readSignal } from '../../../lib/operations/signal.ts';
import type { SqsFixture } from '../../emulator/aws/sqs/local-sqs.ts';
import { startStubbedSqs } from '../record-queue/stubbed-sqs.ts';

let fixture: SqsFixture;
let url = '';

beforeAll(async () => {
  fixture = await startStubbedSqs();
  url = await fixture.queue('records.fifo', { FifoQueue: 'true' });
});
afterAll(() => fixture.close());

const given = { source: 'disk', key: 'web-01', eventId: 'e1', at: '2026-11-01T00:00:00Z', signal: 'open' };

it('queues a signal that is posted again within the five minutes in which SQS drops equal ones', async () => {
  const enqueue = createEnqueueSignal(url, sendMessage);
  const ids = [await enqueue(readSignal(given), 'me'), await enqueue(readSignal(given), 'me')];
  expect(new Set(ids).size).toBe(2);
  const receive = { QueueUrl: url, MaxNumberOfMessages: 10 };
  const { Messages = [] } = await fixture.client.send(new ReceiveMessageCommand(receive));
  expect(Messages.map(({ MessageId }) => MessageId)).toEqual(ids);
});

it('refuses a signal that SQS never takes as too large, not as a queue that is away', async () => {
  const enqueue = createEnqueueSignal(url, sendMessage);
  const fields = { description: 'ü'.repeat(600_000) };
  const error = await enqueue(readSignal({ ...given, fields }), 'me').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'SIGNAL_TOO_LARGE', ownAnswer: { status: 413 } });
});
