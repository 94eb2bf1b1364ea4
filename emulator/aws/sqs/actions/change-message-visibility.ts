import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import type { SqsService } from '../service.ts';
import { changeVisibility } from '../settle.ts';

const Input = z.object({
  QueueUrl: z.string(),
  ReceiptHandle: z.string(),
  VisibilityTimeout: z.int().min(0).max(43_200),
});

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
export const changeMessageVisibility = jsonAction(Input, (input, { state }: SqsService) => {
  changeVisibility(state, state.queues.byUrl(input.QueueUrl), input.ReceiptHandle, input.VisibilityTimeout);
  return {};
});
