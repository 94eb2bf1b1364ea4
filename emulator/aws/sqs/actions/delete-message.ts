import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import { batchOf, runBatch } from '../batch.ts';
import { deleteReceived } from '../receipts.ts';
import type { SqsService } from '../state.ts';

const DeleteMessageInput = z.object({ QueueUrl: z.string(), ReceiptHandle: z.string() });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html */
export const deleteMessage = jsonAction(DeleteMessageInput, (input, { state }: SqsService) => {
  deleteReceived(state, state.queues.byUrl(input.QueueUrl), input.ReceiptHandle);
  return {};
});

const DeleteMessageBatchInput = z.object({
  QueueUrl: z.string(),
  Entries: batchOf({ ReceiptHandle: z.string() }),
});

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html */
export const deleteMessageBatch = jsonAction(DeleteMessageBatchInput, (input, { state }: SqsService) => {
  const queue = state.queues.byUrl(input.QueueUrl);
  return runBatch(input.Entries, (entry) => {
    deleteReceived(state, queue, entry.ReceiptHandle);
    return {};
  });
});
