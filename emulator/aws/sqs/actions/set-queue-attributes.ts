import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import type { SqsService } from '../service.ts';

const Input = z.object({ QueueUrl: z.string(), Attributes: z.record(z.string(), z.string()) });

/** An empty value takes the attribute away. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
export const setQueueAttributes = jsonAction(Input, (input, { state }: SqsService) => {
  const queue = state.queues.byUrl(input.QueueUrl);
  const merged = Object.entries({ ...queue.attributes, ...input.Attributes }).filter(
    ([, value]) => value !== '',
  );
  state.queues.put(queue.name, Object.fromEntries(merged), state.clock.now());
  state.wake(queue.name);
  return {};
});
