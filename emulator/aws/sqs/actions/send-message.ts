import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import { Outgoing, send } from '../send.ts';
import type { SqsService } from '../service.ts';

const Input = z.object({ QueueUrl: z.string(), ...Outgoing.shape });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
export const sendMessage = jsonAction(Input, (input, { state }: SqsService) =>
  send(state, state.queues.byUrl(input.QueueUrl), input),
);
