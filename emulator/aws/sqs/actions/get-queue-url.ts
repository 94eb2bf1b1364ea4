import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import type { SqsService } from '../service.ts';

const Input = z.object({ QueueName: z.string() });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html */
export const getQueueUrl = jsonAction(Input, ({ QueueName }, { state, queueUrl }: SqsService) => ({
  QueueUrl: queueUrl(state.queues.byUrl(QueueName).name),
}));
