import type { MessageAttributeValue, SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import { ConnectorError } from '../core/errors.ts';
import { processRedactor } from '../core/redaction.ts';
import type { MessageAttribute, QueuedMessage } from './sqs-event.ts';
import { keyAttribute } from './write.ts';

/** Attributes that a dead letter carries beside those it came with; a redrive takes them off again. */
export const reasonAttributes = ['ErrorCode', 'ErrorMessage', 'RequestId', 'Attempts'] as const;

/** SQS carries ten attributes with a message, and a mebibyte in all. */
const maxAttributes = 10;
const maxBytes = 1_048_576;
const maxMessageCharacters = 1_000;

type Named = readonly [name: string, attribute: MessageAttributeValue];

/**
 * The message for the dead-letter queue: the same body, its key, and why it could not be written. A message that was known
 * by its id takes that along as its key, so that sending it again has no second effect.
 * @param requestId of the invocation, to find it in the log
 */
export function toDeadLetter(message: QueuedMessage, error: unknown, requestId: string) {
  const attributes = [...reasonsOf(message, error, requestId), ...carriedOver(message)];
  return {
    MessageBody: message.body,
    MessageAttributes: withinLimits(message.body, attributes),
    ...(message.groupId !== undefined && {
      MessageGroupId: message.groupId,
      MessageDeduplicationId: message.messageId,
    }),
  } satisfies Omit<SendMessageBatchRequestEntry, 'Id'>;
}

/** The most important first. */
function reasonsOf(message: QueuedMessage, error: unknown, requestId: string): readonly Named[] {
  const key = message.attributes[keyAttribute];
  const texts = [
    ['ErrorCode', error instanceof ConnectorError ? error.code : 'INTERNAL'],
    [keyAttribute, key && 'text' in key ? key.text : message.messageId],
    ['Attempts', String(message.receiveCount)],
    ['RequestId', requestId],
    ['ErrorMessage', describe(error)],
  ] as const;
  return texts.map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]);
}

/** The message's own attributes. */
function carriedOver({ attributes }: QueuedMessage): readonly Named[] {
  const ours: readonly string[] = [...reasonAttributes, keyAttribute];
  const others = Object.entries(attributes).filter(([name]) => !ours.includes(name));
  return others.map(([name, attribute]) => [name, toSqs(attribute)]);
}

function toSqs(attribute: MessageAttribute): MessageAttributeValue {
  const { dataType: DataType } = attribute;
  return 'text' in attribute
    ? { DataType, StringValue: attribute.text }
    : { DataType, BinaryValue: Buffer.from(attribute.base64, 'base64') };
}

/** As many as there is room for beside the body: a letter that SQS does not take would come back for ever. */
function withinLimits(body: string, attributes: readonly Named[]) {
  let room = maxBytes - Buffer.byteLength(body);
  const kept = new Map<string, MessageAttributeValue>();
  for (const [name, given] of attributes) {
    const attribute = name === 'ErrorMessage' ? shorten(name, given, room) : given;
    const bytes = bytesOf(name, attribute);
    if (bytes > room || attribute.StringValue === '' || kept.size === maxAttributes) continue;
    kept.set(name, attribute);
    room -= bytes;
  }
  return Object.fromEntries(kept);
}

function shorten(name: string, attribute: MessageAttributeValue, room: number): MessageAttributeValue {
  const excess = Math.max(0, bytesOf(name, attribute) - room);
  const bytes = Buffer.from(attribute.StringValue ?? '');
  const kept = bytes.subarray(0, Math.max(0, bytes.length - excess)).toString();
  return { ...attribute, StringValue: kept.replace(/\uFFFD+$/, '') };
}

/** What counts toward the size of a message: name, type and value. */
function bytesOf(name: string, { DataType = '', StringValue, BinaryValue }: MessageAttributeValue): number {
  return Buffer.byteLength(name) + DataType.length + (BinaryValue ?? Buffer.from(StringValue ?? '')).length;
}

/** Without secrets, and without the control characters that SQS refuses. */
function describe(error: unknown): string {
  const text = error instanceof ConnectorError ? error.message : 'Internal error; see the log';
  const clean = processRedactor.redact(text).replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/gu, ' ');
  return clean.slice(0, maxMessageCharacters) || 'no reason given';
}
