import { administratorId } from '../iam/access-control.ts';
import { sequenceNumber } from './send.ts';
import type { ReceivedMessage } from './state.ts';

/** What SQS says about a message it delivers, in its own names; all values are strings. */
export function systemAttributes(message: ReceivedMessage): Record<string, string> {
  const { groupId, deduplicationId, traceHeader, sourceArn, sender } = message;
  return {
    ApproximateReceiveCount: `${message.receiveCount}`,
    SentTimestamp: `${message.sentMs}`,
    SenderId: sender ?? administratorId,
    ApproximateFirstReceiveTimestamp: `${message.firstReceiveMs ?? message.sentMs}`,
    ...(groupId === null ? {} : { MessageGroupId: groupId }),
    ...(deduplicationId === null
      ? {}
      : { MessageDeduplicationId: deduplicationId, SequenceNumber: sequenceNumber(message.seq) }),
    ...(traceHeader === null ? {} : { AWSTraceHeader: traceHeader }),
    ...(sourceArn === null ? {} : { DeadLetterQueueSourceArn: sourceArn }),
  };
}
