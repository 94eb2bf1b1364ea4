import type { Measure } from '../metrics.ts';
import type { SqsState } from './state.ts';

/** The age of the oldest message of a queue, in whole seconds; 0 for an empty one. Nothing else is measured. */
export function measureQueues({ queues, messages, clock }: SqsState): Measure {
  return ({ namespace, name, dimensions: { QueueName: queue = '' } }) => {
    if (namespace !== 'AWS/SQS' || name !== 'ApproximateAgeOfOldestMessage') return undefined;
    if (!queues.find(queue)) return undefined;
    const sentMs = messages.oldestSentMs(queue);
    return sentMs === undefined ? 0 : Math.max(0, Math.floor((clock.now() - sentMs) / 1_000));
  };
}
