import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import { batchOf, runBatch } from '../batch.ts';
import { changeVisibility } from '../receipts.ts';
import type { SqsService } from '../state.ts';

const ChangeMessageVisibilityInput = z.object({
  QueueUrl: z.string(),
  ReceiptHandle: z.string(),
  VisibilityTimeout: z.int().min(0).max(43_200),
});

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
export const changeMessageVisibility = jsonAction(
  ChangeMessageVisibilityInput,
  (input, { state }: SqsService) => {
    changeVisibility(state, state.queues.byUrl(input.QueueUrl), input.ReceiptHandle, input.VisibilityTimeout);
    return {};
  },
);

const Entries = batchOf({ ReceiptHandle: z.string(), VisibilityTimeout: z.int().min(0).max(43_200) });
const ChangeMessageVisibilityBatchInput = z.object({ QueueUrl: z.string(), Entries });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html */
export const changeMessageVisibilityBatch = jsonAction(
  ChangeMessageVisibilityBatchInput,
  (input, { state }: SqsService) => {
    const queue = state.queues.byUrl(input.QueueUrl);
    return runBatch(input.Entries, (entry) => {
      changeVisibility(state, queue, entry.ReceiptHandle, entry.VisibilityTimeout);
      return {};
    });
  },
);
