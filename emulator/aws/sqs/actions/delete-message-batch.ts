import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import { batchOf, runBatch } from '../batch.ts';
import type { SqsService } from '../service.ts';
import { deleteReceived } from '../settle.ts';

const Input = z.object({ QueueUrl: z.string(), Entries: batchOf({ ReceiptHandle: z.string() }) });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html */
export const deleteMessageBatch = jsonAction(Input, (input, { state }: SqsService) => {
  const queue = state.queues.byUrl(input.QueueUrl);
  return runBatch(input.Entries, (entry) => {
    deleteReceived(state, queue, entry.ReceiptHandle);
    return {};
  });
});
