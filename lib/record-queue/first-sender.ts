import { lastingId } from '../core/caller.ts';
import type { QueuedMessage } from './sqs-event.ts';

/** The message attribute by which what moves messages on says who sent them first. */
export const senderAttribute = 'OriginalSender';

/**
 * Who sent a message first, as a log line and a record name it: what SQS attests, unless the sender is one of those whose word counts
 * (the roles of our own functions, and those that the deployment lists). Anybody may write the attribute, so that it says nothing by itself.
 * @param said the value of the message attribute `OriginalSender`
 * @param trusted ids of roles and users, without a session
 */
export function firstSender(
  sender: string | undefined,
  said: string | undefined,
  trusted: readonly string[],
): string | undefined {
  if (sender === undefined || !said) return sender;
  return trusted.includes(lastingId(sender)) ? said : sender;
}

/** The messages with their first senders. */
export function withFirstSenders(
  messages: readonly QueuedMessage[],
  trusted: readonly string[],
): readonly QueuedMessage[] {
  return messages.map((message) => {
    const said = message.attributes[senderAttribute];
    const text = said && 'text' in said ? said.text : undefined;
    return { ...message, sender: firstSender(message.sender, text, trusted) };
  });
}
