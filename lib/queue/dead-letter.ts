import type { SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import { ConnectorError } from '../core/errors.ts';
import { processRedactor } from '../core/redaction.ts';
import type { QueuedMessage } from './sqs-event.ts';
import { keyAttribute } from './write.ts';

/** Attributes that a dead letter carries beside those it came with; a redrive takes them off again. */
export const reasonAttributes = ['ErrorCode', 'ErrorMessage', 'RequestId', 'Attempts'] as const;

/** SQS carries ten attributes with a message. */
const maxAttributes = 10;
const maxMessageCharacters = 1_000;

/**
 * The message for the dead-letter queue: the same body, its key, and why it could not be written. A message that was known
 * by its id takes that along as its key, so that sending it again has no second effect.
 * @param requestId of the invocation, to find it in the log
 */
export function toDeadLetter(message: QueuedMessage, error: unknown, requestId: string) {
  const reasons = {
    ErrorCode: error instanceof ConnectorError ? error.code : 'INTERNAL',
    ErrorMessage: describe(error),
    RequestId: requestId,
    Attempts: String(message.receiveCount),
  };
  const given = message.attributes[keyAttribute]?.text;
  const own = { [keyAttribute]: given ?? message.messageId, ...reasons };
  return {
    MessageBody: message.body,
    MessageAttributes: { ...carriedOver(message, Object.keys(own)), ...asAttributes(own) },
    ...(message.groupId !== undefined && {
      MessageGroupId: message.groupId,
      MessageDeduplicationId: message.messageId,
    }),
  } satisfies Omit<SendMessageBatchRequestEntry, 'Id'>;
}

/** The message's own attributes, as many as there is room for. */
function carriedOver({ attributes }: QueuedMessage, taken: readonly string[]) {
  const others = Object.entries(attributes).filter(([name]) => !taken.includes(name));
  const kept = others.slice(0, maxAttributes - taken.length);
  return Object.fromEntries(
    kept.map(([name, { dataType, text }]) => [name, { DataType: dataType, StringValue: text }]),
  );
}

function asAttributes(texts: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, { DataType: 'String', StringValue: text }]),
  );
}

/** Without secrets, and without the control characters that SQS refuses. */
function describe(error: unknown): string {
  const text = error instanceof ConnectorError ? error.message : 'Internal error; see the log';
  const clean = processRedactor.redact(text).replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/gu, ' ');
  return clean.slice(0, maxMessageCharacters) || 'no reason given';
}
