import type { SentMessage } from './storm-queues.ts';
import type { StormStack } from './storm-stack.ts';

/** Journal entries of two processes at the same moment cannot see each other, and a FIFO queue hands nothing out twice. */
const alone = new Set(['note', 'ordered', 'invalid']);

/**
 * Hands a tenth of the messages to the function once more, past the queue and under their own message ids, as SQS does when it
 * delivers twice: two of its processes work on the same records at once.
 * @returns how many were handed over
 */
export async function raceCopies(
  { stack, functionArn, queueUrl }: StormStack,
  sent: readonly SentMessage[],
): Promise<number> {
  const raced = sent.filter(({ kind }) => !alone.has(kind)).slice(0, Math.ceil(sent.length / 10));
  for (let offset = 0; offset < raced.length; offset += 50) {
    const Records = raced.slice(offset, offset + 50).map((message) => toRecord(message, queueUrl));
    await stack.host.invoke(functionArn, { Records });
  }
  return raced.length;
}

function toRecord({ body, key, messageId }: SentMessage, queueUrl: string) {
  const now = String(Date.now());
  return {
    messageId,
    receiptHandle: 'none',
    body,
    attributes: {
      ApproximateReceiveCount: '2',
      SentTimestamp: now,
      ApproximateFirstReceiveTimestamp: now,
    },
    messageAttributes: key === undefined ? {} : { IdempotencyKey: { dataType: 'String', stringValue: key } },
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queueUrl.split('/').at(-1)}`,
  };
}
