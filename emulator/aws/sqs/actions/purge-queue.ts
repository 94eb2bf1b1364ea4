import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import type { SqsService } from '../service.ts';

const Input = z.object({ QueueUrl: z.string() });

/** At once. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html */
export const purgeQueue = jsonAction(Input, ({ QueueUrl }, { state }: SqsService) => {
  state.messages.purge(state.queues.byUrl(QueueUrl).name);
  return {};
});
