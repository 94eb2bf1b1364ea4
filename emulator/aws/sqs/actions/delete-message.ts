import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import type { SqsService } from '../service.ts';
import { deleteReceived } from '../settle.ts';

const Input = z.object({ QueueUrl: z.string(), ReceiptHandle: z.string() });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html */
export const deleteMessage = jsonAction(Input, (input, { state }: SqsService) => {
  deleteReceived(state, state.queues.byUrl(input.QueueUrl), input.ReceiptHandle);
  return {};
});
