import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';

/** Lambda deletes the messages of the batch that are not named here. */
export type BatchResponse = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] };

/** The part of Lambda's context that is used. */
export type Invocation = { readonly awsRequestId: string; getRemainingTimeInMillis(): number };

const given = z.optional(z.nullable(z.string()));
const attribute = z.object({ dataType: z.string(), stringValue: given, binaryValue: given });

const sqsRecord = z.object({
  messageId: z.string(),
  receiptHandle: z.string(),
  body: z.string(),
  attributes: z.object({
    ApproximateReceiveCount: z.string(),
    SentTimestamp: z.string(),
    ApproximateFirstReceiveTimestamp: z.string(),
    MessageGroupId: z.optional(z.string()),
    SenderId: z.optional(z.string()),
  }),
  messageAttributes: z._default(z.record(z.string(), attribute), {}),
  eventSourceARN: z.string(),
});

const sqsEvent = z.object({ Records: z.array(sqsRecord) });

/** A message attribute: text, or bytes as base64. */
export type MessageAttribute = { readonly dataType: string } & (
  | { readonly text: string }
  | { readonly base64: string }
);

/** A message as Lambda delivers it, with its numbers parsed. */
export type QueuedMessage = {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** How many times it has been received, this time included. */
  readonly receiveCount: number;
  /** Milliseconds since the Unix epoch. */
  readonly sentAtMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly firstReceivedAtMs: number;
  /** Id of the user or role that sent it, as SQS attests. */
  readonly sender?: string | undefined;
  /** Only on a FIFO queue: messages of one group are written in order. */
  readonly groupId: string | undefined;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly isFifo: boolean;
  /** The key of a message that came back from the dead-letter queue without room for it. */
  readonly recalledKey?: string;
};

/** The messages of an SQS event, in the order given. @throws InvalidInputError for any other event */
export function readSqsEvent(event: unknown): readonly QueuedMessage[] {
  const read = z.safeParse(sqsEvent, event);
  if (!read.success)
    throw new InvalidInputError('event', 'is not an SQS event; send messages to the queue instead');
  return read.data.Records.map(({ attributes, messageAttributes, eventSourceARN, ...message }) => ({
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    receiveCount: Number(attributes.ApproximateReceiveCount),
    sentAtMs: Number(attributes.SentTimestamp),
    sender: attributes.SenderId,
    firstReceivedAtMs: Number(attributes.ApproximateFirstReceiveTimestamp),
    groupId: eventSourceARN.endsWith('.fifo') ? attributes.MessageGroupId : undefined,
    attributes: readAttributes(messageAttributes),
    isFifo: eventSourceARN.endsWith('.fifo'),
  }));
}

function readAttributes(given: z.output<typeof sqsRecord>['messageAttributes']): QueuedMessage['attributes'] {
  const read = Object.entries(given).map(([name, { dataType, stringValue, binaryValue }]) => {
    const value = typeof stringValue === 'string' ? { text: stringValue } : { base64: binaryValue ?? '' };
    return [name, { dataType, ...value }] as const;
  });
  return Object.fromEntries(read);
}
