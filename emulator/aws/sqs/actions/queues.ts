import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import { jsonAction } from '../../json-protocol.ts';
import type { Queue } from '../queue-table.ts';
import type { SqsService, SqsState } from '../state.ts';

const CreateQueueInput = z.object({
  QueueName: z.string().regex(/^[\w-]{1,75}(\.fifo)?$/),
  Attributes: z.record(z.string(), z.string()).default({}),
});

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
export const createQueue = jsonAction(
  CreateQueueInput,
  ({ QueueName, Attributes }, { state, queueUrl }: SqsService) => {
    if (QueueName.endsWith('.fifo') !== (Attributes['FifoQueue'] === 'true')) {
      throw new AwsError(
        'InvalidParameterValue',
        'The name of a FIFO queue, and of no other, ends with .fifo.',
      );
    }
    const before = state.queues.find(QueueName);
    const differing = Object.keys(Attributes).find(
      (name) => before && before.attributes[name] !== Attributes[name],
    );
    if (differing !== undefined) {
      throw new AwsError(
        'QueueNameExists',
        `A queue already exists with the same name and a different value for attribute ${differing}`,
      );
    }
    if (!before) state.queues.put(QueueName, Attributes, state.clock.now());
    return { QueueUrl: queueUrl(QueueName) };
  },
);

const GetQueueUrlInput = z.object({ QueueName: z.string() });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html */
export const getQueueUrl = jsonAction(GetQueueUrlInput, ({ QueueName }, { state, queueUrl }: SqsService) => ({
  QueueUrl: queueUrl(state.queues.byUrl(QueueName).name),
}));

const ListQueuesInput = z.object({ QueueNamePrefix: z.string().default('') });

/** All on one page. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html */
export const listQueues = jsonAction(
  ListQueuesInput,
  ({ QueueNamePrefix }, { state, queueUrl }: SqsService) => {
    const names = state.queues.list().map(({ name }) => name);
    return { QueueUrls: names.filter((name) => name.startsWith(QueueNamePrefix)).map(queueUrl) };
  },
);

const GetQueueAttributesInput = z.object({
  QueueUrl: z.string(),
  AttributeNames: z.array(z.string()).default([]),
});

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html */
export const getQueueAttributes = jsonAction(GetQueueAttributesInput, (input, { state }: SqsService) => {
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

const SetQueueAttributesInput = z.object({
  QueueUrl: z.string(),
  Attributes: z.record(z.string(), z.string()),
});

/** An empty value takes the attribute away. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
export const setQueueAttributes = jsonAction(SetQueueAttributesInput, (input, { state }: SqsService) => {
  const queue = state.queues.byUrl(input.QueueUrl);
  const merged = Object.entries({ ...queue.attributes, ...input.Attributes }).filter(
    ([, value]) => value !== '',
  );
  state.queues.put(queue.name, Object.fromEntries(merged), state.clock.now());
  state.wake(queue.name);
  return {};
});

const PurgeQueueInput = z.object({ QueueUrl: z.string() });

/** At once. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html */
export const purgeQueue = jsonAction(PurgeQueueInput, ({ QueueUrl }, { state }: SqsService) => {
  state.messages.purge(state.queues.byUrl(QueueUrl).name);
  return {};
});
