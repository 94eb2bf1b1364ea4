import { lastingId } from '../core/caller.ts';
import type { QueuedMessage } from './sqs-event.ts';

/** The message attribute by which what moves messages on says who sent them first. */
export const senderAttribute = 'OriginalSender';

/** The message attribute by which what moves messages on says when they were first sent, in milliseconds since the Unix epoch. */
export const sentAtAttribute = 'OriginalSentTimestamp';

/** Who sent a message, and when. */
export type Origin = {
  readonly sender?: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly sentAtMs?: number | undefined;
};

/** What the attributes of a message say of its origin. */
type Said = { readonly sender: string | undefined; readonly sentAt: string | undefined };

/**
 * Who sent a message first, as a log line and a record name it, and when: what SQS attests, unless the sender is one of those whose word
 * counts (the roles of our own functions, and those that the deployment lists). Anybody may write the attributes, so that they say
 * nothing by themselves.
 * @param said the values of the message attributes `OriginalSender` and `OriginalSentTimestamp`
 * @param trusted ids of roles and users, without a session
 */
export function firstOrigin(attested: Origin, said: Said, trusted: readonly string[]): Origin {
  const { sender, sentAtMs = Number.POSITIVE_INFINITY } = attested;
  if (sender === undefined || !trusted.includes(lastingId(sender))) return attested;
  const isTime = said.sentAt !== undefined && /^\d{1,15}$/.test(said.sentAt);
  return {
    sender: said.sender || sender,
    sentAtMs: isTime ? Math.min(Number(said.sentAt), sentAtMs) : attested.sentAtMs,
  };
}

/** The messages with their first senders, and the times at which these sent them. */
export function withFirstOrigins(
  messages: readonly QueuedMessage[],
  trusted: readonly string[],
): readonly QueuedMessage[] {
  return messages.map((message) => {
    const said = { sender: textOf(message, senderAttribute), sentAt: textOf(message, sentAtAttribute) };
    const { sender, sentAtMs = message.sentAtMs } = firstOrigin(message, said, trusted);
    return { ...message, sender, sentAtMs };
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
