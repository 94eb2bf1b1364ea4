import { createHash, randomUUID } from 'node:crypto';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import { administratorId } from '../iam/access-control.ts';
import { MessageAttributes, md5OfAttributes, messageBytes } from './message-attributes.ts';
import type { Queue } from './queue-table.ts';
import { invalidParameter } from './sqs-error.ts';
import type { SqsState } from './state.ts';

/** What SendMessage and an entry of SendMessageBatch have in common. */
export const Outgoing = z.object({
  MessageBody: z.string().min(1),
  DelaySeconds: z.int().min(0).max(900).optional(),
  MessageAttributes: MessageAttributes.default({}),
  MessageSystemAttributes: z
    .object({ AWSTraceHeader: z.object({ StringValue: z.string() }).optional() })
    .optional(),
  MessageGroupId: z.string().min(1).max(128).optional(),
  MessageDeduplicationId: z.string().min(1).max(128).optional(),
});
export type Outgoing = z.output<typeof Outgoing>;

// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are what SQS refuses
const REFUSED = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/u;

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const MOST_ATTRIBUTES = 10;

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html */
const ATTRIBUTE_NAME = /^(?!aws\.|amazon\.|\.)(?!.*\.\.)(?!.*\.$)[\w.-]{1,256}$/i;

/**
 * Puts a message into the queue; a FIFO queue takes the same deduplication id once in five minutes.
 * @param sender its `SenderId`
 * @throws {AwsError} InvalidMessageContents, InvalidParameterValue, MissingParameter
 */
export function send(
  state: SqsState,
  queue: Queue,
  message: Outgoing,
  sender: string = administratorId,
): Record<string, string> {
  checkContents(queue, message);
  const deduplicationId = queue.settings.FifoQueue ? fifoDeduplicationId(queue, message) : null;
  const sent = state.transaction(() => insertOnce(state, queue, message, deduplicationId, sender));
  state.wake(queue.name);
  const attributes = Object.keys(message.MessageAttributes).length > 0;
  return {
    MessageId: sent.messageId,
    MD5OfMessageBody: md5(message.MessageBody),
    ...(attributes ? { MD5OfMessageAttributes: md5OfAttributes(message.MessageAttributes) } : {}),
    ...(queue.settings.FifoQueue ? { SequenceNumber: sequenceNumber(sent.seq) } : {}),
  };
}

/** Twenty digits that rise, as FIFO queues give them. */
export function sequenceNumber(seq: number): string {
  return `${10n ** 19n + BigInt(seq)}`;
}

/** MD5 in hex, as SQS gives it for bodies. */
export function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

function insertOnce(
  state: SqsState,
  queue: Queue,
  message: Outgoing,
  deduplicationId: string | null,
  sender: string,
): { messageId: string; seq: number } {
  const nowMs = state.clock.now();
  const before =
    deduplicationId === null ? undefined : state.deduplication.find(queue.name, deduplicationId, nowMs);
  if (before) return before;
  const messageId = randomUUID();
  const delaySeconds = message.DelaySeconds ?? queue.settings.DelaySeconds;
  const seq = state.messages.insert({
    id: messageId,
    queue: queue.name,
    body: message.MessageBody,
    attributes: message.MessageAttributes,
    traceHeader: message.MessageSystemAttributes?.AWSTraceHeader?.StringValue ?? null,
    groupId: message.MessageGroupId ?? null,
    deduplicationId,
    sender,
    sentMs: nowMs,
    visibleMs: nowMs + delaySeconds * 1000,
  });
  if (deduplicationId !== null) {
    state.deduplication.remember(queue.name, deduplicationId, { messageId, seq }, nowMs);
  }
  return { messageId, seq };
}

function checkContents(queue: Queue, message: Outgoing): void {
  if (REFUSED.test(message.MessageBody)) {
    throw new AwsError(
      'InvalidMessageContents',
      'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF',
    );
  }
  checkAttributes(message.MessageAttributes);
  const most = queue.settings.MaximumMessageSize;
  if (messageBytes(message.MessageBody, message.MessageAttributes) > most) {
    throw invalidParameter(`Message must be shorter than ${most} bytes.`);
  }
  if (queue.settings.FifoQueue && message.DelaySeconds !== undefined && message.DelaySeconds > 0) {
    throw invalidParameter('DelaySeconds of a single message is not valid for this queue type.');
  }
  const { MessageDeduplicationId } = message;
  if (!queue.settings.FifoQueue && MessageDeduplicationId !== undefined) {
    throw invalidParameter(
      `Value ${MessageDeduplicationId} for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type.`,
    );
  }
}

function checkAttributes(attributes: MessageAttributes): void {
  const entries = Object.entries(attributes);
  if (entries.length > MOST_ATTRIBUTES) {
    throw invalidParameter(
      `Number of message attributes [${entries.length}] exceeds the allowed maximum [${MOST_ATTRIBUTES}].`,
    );
  }
  for (const [name, { DataType, StringValue, BinaryValue }] of entries) {
    if (!ATTRIBUTE_NAME.test(name))
      throw invalidParameter(`The message attribute name '${name}' is invalid.`);
    if (DataType.startsWith('Binary') ? BinaryValue : StringValue) continue;
    throw invalidParameter(
      `The message attribute '${name}' must contain a non-empty value of type '${DataType}'.`,
    );
  }
  const odd = entries.find(([, { StringValue = '' }]) => REFUSED.test(StringValue));
  if (odd) throw invalidParameter(`The message attribute '${odd[0]}' holds invalid characters.`);
}

function fifoDeduplicationId(queue: Queue, message: Outgoing): string {
  if (message.MessageGroupId === undefined) {
    throw new AwsError('MissingParameter', 'The request must contain the parameter MessageGroupId.');
  }
  if (message.MessageDeduplicationId !== undefined) return message.MessageDeduplicationId;
  if (queue.settings.ContentBasedDeduplication) {
    return createHash('sha256').update(message.MessageBody).digest('hex');
  }
  throw invalidParameter(
    'The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly',
  );
}
