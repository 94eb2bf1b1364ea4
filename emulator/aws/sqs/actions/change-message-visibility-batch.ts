import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import { batchOf, runBatch } from '../batch.ts';
import type { SqsService } from '../service.ts';
import { changeVisibility } from '../settle.ts';

const Entries = batchOf({ ReceiptHandle: z.string(), VisibilityTimeout: z.int().min(0).max(43_200) });
const Input = z.object({ QueueUrl: z.string(), Entries });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html */
export const changeMessageVisibilityBatch = jsonAction(Input, (input, { state }: SqsService) => {
  const queue = state.queues.byUrl(input.QueueUrl);
  return runBatch(input.Entries, (entry) => {
    changeVisibility(state, queue, entry.ReceiptHandle, entry.VisibilityTimeout);
    return {};
  });
});
