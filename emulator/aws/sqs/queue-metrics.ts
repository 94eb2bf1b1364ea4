import type { Measure } from '../metrics.ts';
import type { SqsState } from './state.ts';

/** Of a queue: the age of its oldest message, in whole seconds (0 for an empty one), and how many wait. Nothing else is measured. */
export function measureQueues({ queues, messages, clock }: SqsState): Measure {
  return ({ namespace, name, dimensions: { QueueName: queue = '' } }) => {
    if (namespace !== 'AWS/SQS' || !queues.find(queue)) return undefined;
    if (name === 'ApproximateNumberOfMessagesVisible') return messages.counts(queue, clock.now()).visible;
    if (name !== 'ApproximateAgeOfOldestMessage') return undefined;
    const sentMs = messages.oldestSentMs(queue);
    return sentMs === undefined ? 0 : Math.max(0, Math.floor((clock.now() - sentMs) / 1_000));
  };
}
