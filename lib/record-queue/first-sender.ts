import { lastingId } from '../core/caller.ts';
import { type QueuedMessage, sequenceShape } from './sqs-event.ts';

/** The message attribute by which what moves messages on says who sent them first. */
export const senderAttribute = 'OriginalSender';

/** The message attribute by which what moves messages on says when they were first sent, in milliseconds since the Unix epoch. */
export const sentAtAttribute = 'OriginalSentTimestamp';

/** The message attribute by which what moves messages on says which number a FIFO queue first gave them. */
export const sequenceAttribute = 'OriginalSequenceNumber';

/** Who sent a message, and when. */
export type Origin = {
  readonly sender?: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly sentAtMs?: number | undefined;
  /** Its number in a FIFO queue. */
  readonly sequence?: string | undefined;
};

/** What the attributes of a message say of its origin. */
type Said = {
  readonly sender: string | undefined;
  readonly sentAt: string | undefined;
  readonly sequence: string | undefined;
};

/**
 * Who sent a message first, as a log line and a record name it, and when: what SQS attests, unless the sender is one of those whose word
 * counts (the roles of our own functions, and those that the deployment lists). Anybody may write the attributes, so that they say
 * nothing by themselves.
 * @param said the values of the message attributes `OriginalSender`, `OriginalSentTimestamp` and `OriginalSequenceNumber`
 * @param trusted ids of roles and users, without a session
 */
export function firstOrigin(attested: Origin, said: Said, trusted: readonly string[]): Origin {
  const { sender, sentAtMs = Number.POSITIVE_INFINITY } = attested;
  if (sender === undefined || !trusted.includes(lastingId(sender))) return attested;
  const isMoved = said.sentAt !== undefined && /^\d{1,15}$/.test(said.sentAt);
  if (!isMoved) return { ...attested, sender: said.sender || sender };
  const sequence = sequenceShape.test(said.sequence ?? '') ? said.sequence : undefined;
  return { sender: said.sender || sender, sentAtMs: Math.min(Number(said.sentAt), sentAtMs), sequence };
}

/** The messages with their first senders, and the times at which these sent them. */
export function withFirstOrigins(
  messages: readonly QueuedMessage[],
  trusted: readonly string[],
): readonly QueuedMessage[] {
  return messages.map((message) => {
    const said = {
      sender: textOf(message, senderAttribute),
      sentAt: textOf(message, sentAtAttribute),
      sequence: textOf(message, sequenceAttribute),
    };
    const { sender, sentAtMs = message.sentAtMs, sequence } = firstOrigin(message, said, trusted);
    return { ...message, sender, sentAtMs, sequence };
  });
}

function textOf({ attributes }: QueuedMessage, name: string): string | undefined {
  const said = attributes[name];
  return said && 'text' in said ? said.text : undefined;
}

/** True for a message that may have been known before: it was received before, or says that it was moved back. */
export function isDeliveredAgain({ receiveCount, attributes }: QueuedMessage): boolean {
  return receiveCount > 1 || attributes[sentAtAttribute] !== undefined;
}
