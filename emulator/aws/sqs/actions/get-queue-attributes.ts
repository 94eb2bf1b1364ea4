import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import type { Queue } from '../queue-table.ts';
import type { SqsService } from '../service.ts';
import type { SqsState } from '../state.ts';

const Input = z.object({ QueueUrl: z.string(), AttributeNames: z.array(z.string()).default([]) });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html */
export const getQueueAttributes = jsonAction(Input, (input, { state }: SqsService) => {
  const all = allAttributes(state, state.queues.byUrl(input.QueueUrl));
  if (input.AttributeNames.includes('All')) return { Attributes: all };
  const asked = Object.entries(all).filter(([name]) => input.AttributeNames.includes(name));
  return { Attributes: Object.fromEntries(asked) };
});

function allAttributes(state: SqsState, queue: Queue): Record<string, string> {
  const { settings } = queue;
  const counts = state.messages.counts(queue.name, state.clock.now());
  return {
    QueueArn: queue.arn,
    VisibilityTimeout: `${settings.VisibilityTimeout}`,
    DelaySeconds: `${settings.DelaySeconds}`,
    MaximumMessageSize: `${settings.MaximumMessageSize}`,
    MessageRetentionPeriod: `${settings.MessageRetentionPeriod}`,
    ReceiveMessageWaitTimeSeconds: `${settings.ReceiveMessageWaitTimeSeconds}`,
    ...queue.attributes,
    ApproximateNumberOfMessages: `${counts.visible}`,
    ApproximateNumberOfMessagesNotVisible: `${counts.inFlight}`,
    ApproximateNumberOfMessagesDelayed: `${counts.delayed}`,
    CreatedTimestamp: `${Math.floor(queue.createdMs / 1000)}`,
    LastModifiedTimestamp: `${Math.floor(queue.modifiedMs / 1000)}`,
  };
}
