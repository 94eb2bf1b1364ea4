import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import { jsonAction } from '../../json-protocol.ts';
import type { SqsService } from '../service.ts';

const Input = z.object({
  QueueName: z.string().regex(/^[\w-]{1,75}(\.fifo)?$/),
  Attributes: z.record(z.string(), z.string()).default({}),
});

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
export const createQueue = jsonAction(Input, ({ QueueName, Attributes }, { state, queueUrl }: SqsService) => {
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
});
