import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import { jsonAction } from '../../json-protocol.ts';
import { batchOf, runBatch } from '../batch.ts';
import { messageBytes } from '../message-attributes.ts';
import { Outgoing, send } from '../send.ts';
import type { SqsService } from '../state.ts';

const SendMessageInput = z.object({ QueueUrl: z.string(), ...Outgoing.shape });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
export const sendMessage = jsonAction(
  SendMessageInput,
  (input, { state, idOf }: SqsService, _signal, authorization) =>
    send(state, state.queues.byUrl(input.QueueUrl), input, idOf(authorization)),
);

const MOST_BYTES = 1_048_576;
const SendMessageBatchInput = z.object({ QueueUrl: z.string(), Entries: batchOf(Outgoing.shape) });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html */
export const sendMessageBatch = jsonAction(
  SendMessageBatchInput,
  (input, { state, idOf }: SqsService, _signal, authorization) => {
    const queue = state.queues.byUrl(input.QueueUrl);
    const bytes = input.Entries.reduce(
      (sum, one) => sum + messageBytes(one.MessageBody, one.MessageAttributes),
      0,
    );
    if (bytes > MOST_BYTES) {
      throw new AwsError(
        'BatchRequestTooLong',
        `Batch requests cannot be longer than ${MOST_BYTES} bytes. You have sent ${bytes} bytes.`,
      );
    }
    return runBatch(input.Entries, (entry) => send(state, queue, entry, idOf(authorization)));
  },
);
