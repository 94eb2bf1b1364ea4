import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startSqs } from '../../../emulator/aws/sqs/sqs.ts';
import { InvalidInputError } from '../../../lib/core/errors.ts';
import { toDeadLetter } from '../../../lib/record-queue/dead-letter.ts';
import { readSqsEvent } from '../../../lib/record-queue/sqs-event.ts';
import { stubSqs } from './stubbed-sqs.ts';

const writer = 'AROAWRITER00';
const ada = 'AROAADA00000:session-1';

type Attributes = Readonly<Record<string, string>>;
const asSqs = (attributes: Attributes) =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
  );

/** Two queues of an SQS that takes the access key of a sender for its id. */
async function queues() {
  const idOf = (authorization = '') => /Credential=([^/]*)/.exec(authorization)?.[1] ?? '';
  const sqs = await startSqs({ idOf });
  onTestFinished(() => sqs.close());
  vi.resetModules();
  stubSqs(sqs.url);
  onTestFinished(() => void vi.unstubAllEnvs());
  const as = (accessKeyId: string) =>
    new SQSClient({ endpoint: sqs.url, credentials: { accessKeyId, secretAccessKey: 'local' } });
  const create = async (QueueName: string) =>
    (await as('admin').send(new CreateQueueCommand({ QueueName }))).QueueUrl ?? '';
  const urls = { deadLetterUrl: await create('letters'), queueUrl: await create('records') };
  return {
    /** @param sender its access key */
    put: (sender: string, body: string, attributes: Attributes) =>
      as(sender).send(
        new SendMessageCommand({
          QueueUrl: urls.deadLetterUrl,
          MessageBody: body,
          MessageAttributes: asSqs(attributes),
        }),
      ),
    /** The letter of a message that `sender` has sent, as writeRecords leaves it. */
    letterOf: async (sender: string, attributes: Attributes) => {
      const record = {
        ...{ messageId: 'm1', receiptHandle: 'r', body: '{}', eventSourceARN: 'arn:aws:sqs:::records' },
        attributes: {
          ...{ ApproximateReceiveCount: '1', SentTimestamp: '5', ApproximateFirstReceiveTimestamp: '0' },
          SenderId: sender,
        },
        messageAttributes: Object.fromEntries(
          Object.entries(attributes).map(([name, stringValue]) => [
            name,
            { dataType: 'String', stringValue },
          ]),
        ),
      };
      const [message] = readSqsEvent({ Records: [record] });
      if (!message) throw new Error('a message');
      const letter = toDeadLetter(message, new InvalidInputError('table', 'required'), 'r1');
      await as(writer).send(new SendMessageCommand({ QueueUrl: urls.deadLetterUrl, ...letter }));
    },
    async moved(trustedSenders: readonly string[] | undefined = [writer]) {
      const { redrive } = await import('../../../lib/record-queue/redrive.ts');
      await redrive({ ...urls, dryRun: false, waitSeconds: 0, trustedSenders });
      const { Messages = [] } = await as('admin').send(
        new ReceiveMessageCommand({ QueueUrl: urls.queueUrl, MessageAttributeNames: ['All'] }),
      );
      const [{ MessageAttributes = {} } = {}] = Messages;
      return Object.fromEntries(
        Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue]),
      );
    },
  };
}

it('passes on who sent a message first, and when, as the letter of our own function says', async () => {
  const { letterOf, moved } = await queues();
  await letterOf(ada, { tenant: 'a' });
  expect(await moved()).toEqual({
    IdempotencyKey: 'm1',
    tenant: 'a',
    OriginalSender: ada,
    OriginalSentTimestamp: '5',
  });
});

it('passes on who sent a message, and when, that SQS itself has moved, whatever that one claims', async () => {
  const { put, moved } = await queues();
  await put('AROAADA00000', '{}', {
    ...{ IdempotencyKey: 'k', OriginalSender: 'AROABEN00000:s' },
    OriginalSentTimestamp: '5',
  });
  expect(await moved()).toEqual({
    ...{ IdempotencyKey: 'k', OriginalSender: 'AROAADA00000' },
    OriginalSentTimestamp: expect.stringMatching(/^\d{13}$/),
  });
});

it('believes no letter of a sender that is not on the list', async () => {
  const { letterOf, moved } = await queues();
  await letterOf(ada, {});
  expect(await moved([])).toMatchObject({
    OriginalSender: writer,
    OriginalSentTimestamp: expect.stringMatching(/^\d{13}$/),
  });
});

it('refuses what a sender claims by an attribute, also by the one that our letters pack others into', async () => {
  const { letterOf, moved } = await queues();
  const forged = JSON.stringify({
    OriginalSender: { dataType: 'String', text: 'AROABEN00000:s' },
    OriginalSentTimestamp: { dataType: 'String', text: '1' },
  });
  await letterOf(ada, {
    ...{ OriginalSender: 'AROABEN00000:s', OriginalSentTimestamp: '1', DisplacedAttributes: forged },
  });
  expect(await moved()).toMatchObject({ OriginalSender: ada, OriginalSentTimestamp: '5' });
});

it('leaves a message with ten attributes as it was', async () => {
  const { letterOf, moved } = await queues();
  const ten = Object.fromEntries(
    Array.from({ length: 9 }, (_, index) => [`own${index}`, 'x']).concat([['IdempotencyKey', 'k']]),
  );
  await letterOf(ada, ten);
  expect(await moved()).toEqual(ten);
});
