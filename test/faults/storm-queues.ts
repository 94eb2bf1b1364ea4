import { GetQueueAttributesCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import type { StormMessage } from './storm-messages.ts';
import type { StormStack } from './storm-stack.ts';

/** A message, and the id that the queue gave it. */
export type SentMessage = StormMessage & { readonly messageId: string };

/** Puts messages on their queues, in the order given. */
export async function sendAll(
  { sqs, queueUrl, fifoQueueUrl }: StormStack,
  messages: readonly StormMessage[],
): Promise<readonly SentMessage[]> {
  const sent: SentMessage[] = [];
  const grouped = messages.filter(({ group }) => group !== undefined);
  const loose = messages.filter(({ group }) => group === undefined);
  for (const [QueueUrl, members] of [
    [queueUrl, loose],
    [fifoQueueUrl, grouped],
  ] as const) {
    for (let offset = 0; offset < members.length; offset += 10) {
      const part = members.slice(offset, offset + 10);
      const Entries = part.map((message, index) => toEntry(message, index, offset));
      const { Successful = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      const ids = new Map(Successful.map(({ Id, MessageId = '' }) => [Id, MessageId]));
      sent.push(...part.map((message, index) => ({ ...message, messageId: ids.get(`${index}`) ?? '' })));
    }
  }
  return sent;
}

function toEntry({ body, key, group }: StormMessage, index: number, offset: number) {
  return {
    Id: String(index),
    MessageBody: body,
    ...(key !== undefined && {
      MessageAttributes: { IdempotencyKey: { DataType: 'String', StringValue: key } },
    }),
    ...(group !== undefined && { MessageGroupId: group, MessageDeduplicationId: String(offset + index) }),
  };
}

/** Messages that are not acknowledged yet, visible or not. */
export async function leftInQueues({ sqs, queueUrl, fifoQueueUrl }: StormStack): Promise<number> {
  const AttributeNames = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  const counts = [queueUrl, fifoQueueUrl].map(async (QueueUrl) => {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
    );
    return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
