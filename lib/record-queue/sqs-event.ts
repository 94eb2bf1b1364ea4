import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';

/** Lambda deletes the messages of the batch that are not named here. */
export type BatchResponse = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] };

/** The part of Lambda's context that is used. */
export type Invocation = { readonly awsRequestId: string; getRemainingTimeInMillis(): number };

const text = z.catch(z.optional(z.string()), undefined);
const digits = z.pipe(z.string().check(z.regex(/^\d{1,15}$/)), z.transform(Number));
const number = z.catch(z.optional(digits), undefined);

/** A FIFO queue numbers its messages, with 128 bits. */
export const sequenceShape = /^\d{1,39}$/;

/** An object, each of whose members may be missing, as may be the whole: that concerns no other message. */
function partsOf<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const whole = z.object(shape);
  return z.catch(whole, () => whole.parse({}));
}

const sqsRecord = partsOf({
  messageId: text,
  receiptHandle: text,
  body: text,
  attributes: partsOf({
    ApproximateReceiveCount: number,
    SentTimestamp: number,
    ApproximateFirstReceiveTimestamp: number,
    MessageGroupId: text,
    SequenceNumber: z.catch(z.optional(z.string().check(z.regex(sequenceShape))), undefined),
    SenderId: text,
  }),
  messageAttributes: z.catch(
    z.record(z.string(), partsOf({ dataType: text, stringValue: text, binaryValue: text })),
    {},
  ),
  eventSourceARN: text,
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
  /** Only on a FIFO queue: of two messages the later one has the greater number. */
  readonly sequence?: string | undefined;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly isFifo: boolean;
  /** The key of a message that came back from the dead-letter queue without room for it. */
  readonly recalledKey?: string;
};

/**
 * The messages of an SQS event, in the order given. What one of them lacks is assumed: that it was sent and received just now, for the
 * first time.
 * @param nowMs milliseconds since the Unix epoch
 * @throws InvalidInputError for any other event
 */
export function readSqsEvent(event: unknown, nowMs = Date.now()): readonly QueuedMessage[] {
  const read = z.safeParse(sqsEvent, event);
  if (!read.success)
    throw new InvalidInputError('event', 'is not an SQS event; send messages to the queue instead');
  return read.data.Records.map((record) => toMessage(record, nowMs));
}

function toMessage(record: z.output<typeof sqsRecord>, nowMs: number): QueuedMessage {
  const { attributes, messageAttributes, eventSourceARN = '' } = record;
  const { SentTimestamp: sentAtMs = nowMs, ApproximateFirstReceiveTimestamp: firstReceivedAtMs = nowMs } =
    attributes;
  const isFifo = eventSourceARN.endsWith('.fifo');
  return {
    // Lambda takes a failure without an id for one of the whole batch: a message that has none comes back with the others.
    messageId: record.messageId ?? '',
    receiptHandle: record.receiptHandle ?? '',
    body: record.body ?? '',
    receiveCount: attributes.ApproximateReceiveCount ?? 1,
    sentAtMs,
    sender: attributes.SenderId,
    firstReceivedAtMs,
    groupId: isFifo ? attributes.MessageGroupId : undefined,
    sequence: isFifo ? attributes.SequenceNumber : undefined,
    attributes: readAttributes(messageAttributes),
    isFifo,
  };
}

function readAttributes(given: z.output<typeof sqsRecord>['messageAttributes']): QueuedMessage['attributes'] {
  const read = Object.entries(given).map(([name, { dataType, stringValue, binaryValue }]) => {
    if (stringValue !== undefined)
      return [name, { dataType: dataType ?? 'String', text: stringValue }] as const;
    return [name, { dataType: dataType ?? 'Binary', base64: binaryValue ?? '' }] as const;
  });
  return Object.fromEntries(read);
}
