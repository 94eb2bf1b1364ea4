import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** About how many messages a queue holds. */
export type QueueCounts = {
  /** To be received now. */
  readonly visible: number;
  /** Received, and neither deleted nor given back; or put off. */
  readonly inFlight: number;
  /** Sent with a delay that is not over. */
  readonly delayed: number;
};

/** @throws QueueDoesNotExist, and what the SDK throws */
export async function countQueue(sqs: SQSClient, QueueUrl: string): Promise<QueueCounts> {
  const ask = new GetQueueAttributesCommand({
    QueueUrl,
    AttributeNames: [
      'ApproximateNumberOfMessages',
      'ApproximateNumberOfMessagesNotVisible',
      'ApproximateNumberOfMessagesDelayed',
    ],
  });
  const { Attributes = {} } = await sqs.send(ask);
  return {
    visible: Number(Attributes.ApproximateNumberOfMessages ?? 0),
    inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
  };
}
