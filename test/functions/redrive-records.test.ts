import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startSqs } from '../../emulator/aws/sqs/sqs.ts';
import { passingCodes } from '../../lib/record-queue/redrive.ts';
import * as errors from '../../lib/servicenow/errors.ts';
import { lambdaContext } from '../lib/gateway/lambda-events.ts';

/** Two queues with their dead-letter queues, and the function of a deployment that has them. */
async function deployment() {
  const sqs = await startSqs();
  onTestFinished(() => sqs.close());
  const before = { ...process.env };
  onTestFinished(() => {
    process.env = before;
  });
  process.env = {
    ...before,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_SQS: sqs.url,
    STATE_TABLE: 'state',
  };
  const client = new SQSClient({});
  const urls = new Map<string, string>();
  for (const [variable, name] of Object.entries({
    RECORDS_QUEUE_URL: 'records',
    RECORDS_DLQ_URL: 'letters',
    RECORDS_FIFO_QUEUE_URL: 'records.fifo',
    RECORDS_FIFO_DLQ_URL: 'letters.fifo',
  })) {
    const Attributes = name.endsWith('.fifo') ? { FifoQueue: 'true' } : {};
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: name, Attributes }));
    urls.set(name, QueueUrl);
    process.env[variable] = QueueUrl;
  }
  vi.resetModules();
  const { handler } = await import('../../functions/redrive-records.ts');
  const put = (queue: string, body: string, code: string) => {
    const ErrorCode = { DataType: 'String', StringValue: code };
    const IdempotencyKey = { DataType: 'String', StringValue: `key of ${body}` };
    const fifo = queue.endsWith('.fifo') ? { MessageGroupId: 'one', MessageDeduplicationId: body } : {};
    const message = { QueueUrl: urls.get(queue), MessageBody: body, ...fifo };
    return client.send(
      new SendMessageCommand({ ...message, MessageAttributes: { ErrorCode, IdempotencyKey } }),
    );
  };
  const bodiesIn = async (queue: string) => {
    const receive = { QueueUrl: urls.get(queue), MaxNumberOfMessages: 10, VisibilityTimeout: 0 };
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ ...receive, MessageAttributeNames: ['All'] }),
    );
    return Messages.map(({ Body, MessageAttributes = {} }) => [Body, Object.keys(MessageAttributes)]);
  };
  return { put, bodiesIn, redrive: () => handler({}, lambdaContext(60_000)) };
}

describe('the scheduled redrive', () => {
  it('moves letters of an outage, with their keys, and leaves those that someone has to look at', async () => {
    const { put, bodiesIn, redrive } = await deployment();
    await put('letters', 'late', 'INSTANCE_UNAVAILABLE');
    await put('letters', 'wrong', 'INVALID_INPUT');
    await put('letters.fifo', 'signal', 'THROTTLED');
    expect(await redrive()).toEqual({
      standard: { moved: 1, kept: 1, returned: {}, failures: [] },
      fifo: { moved: 1, kept: 0, returned: {}, failures: [] },
    });
    const origin = ['IdempotencyKey', 'OriginalSender', 'OriginalSentTimestamp'];
    expect(await bodiesIn('records')).toEqual([['late', origin]]);
    expect(await bodiesIn('records.fifo')).toEqual([['signal', origin]]);
    expect(await bodiesIn('letters')).toEqual([['wrong', ['ErrorCode', 'IdempotencyKey']]]);
  });

  it('leaves the second queue its half of the time, however many letters the first has', async () => {
    const { put, redrive } = await deployment();
    await put('letters', 'late', 'THROTTLED');
    await put('letters.fifo', 'signal', 'THROTTLED');
    const given: number[] = [];
    const spy = vi.spyOn(AbortSignal, 'timeout').mockImplementationOnce((ms) => {
      given.push(ms);
      return AbortSignal.abort();
    });
    onTestFinished(() => spy.mockRestore());
    expect(await redrive()).toMatchObject({ standard: { moved: 0 }, fifo: { moved: 1 } });
    // Of 60 s the last 20 are for showing the letters again.
    expect(given[0]).toBeLessThanOrEqual(20_000);
  });

  it('moves nothing the second time', async () => {
    const { put, redrive } = await deployment();
    await put('letters', 'late', 'CONNECTION_FAILED');
    await redrive();
    expect(await redrive()).toMatchObject({ standard: { moved: 0, kept: 0 }, fifo: { moved: 0 } });
  });

  it('takes the codes of the errors that pass by themselves, and no other', () => {
    const failure = { method: 'POST', path: '/', effect: 'none' } as const;
    for (const Kind of Object.values(errors)) {
      if (typeof Kind !== 'function' || !('prototype' in Kind)) continue;
      const made: unknown = Reflect.construct(Kind, ['refused', failure]);
      if (made instanceof Error && 'code' in made && 'retryable' in made)
        expect([made.name, passingCodes.includes(String(made.code))]).toEqual([made.name, made.retryable]);
    }
  });
});
