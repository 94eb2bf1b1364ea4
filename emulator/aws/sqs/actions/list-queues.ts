import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import type { SqsService } from '../service.ts';

const Input = z.object({ QueueNamePrefix: z.string().default('') });

/** All on one page. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html */
export const listQueues = jsonAction(Input, ({ QueueNamePrefix }, { state, queueUrl }: SqsService) => {
  const names = state.queues.list().map(({ name }) => name);
  return { QueueUrls: names.filter((name) => name.startsWith(QueueNamePrefix)).map(queueUrl) };
});
