import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { REGION } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import type { Clock } from '../clock.ts';
import type { Deliver } from '../delivery.ts';
import { compilePattern, type Json } from '../event-bridge/pattern.ts';
import type { Log } from '../log.ts';
import { MessageAttributes, messageBytes } from '../sqs/message-attributes.ts';
import type { Subscription, Topics } from './topics.ts';

/** What Publish and an entry of PublishBatch have in common. */
export const Message = z.object({
  Message: z.string(),
  Subject: z.string().max(100).optional(),
  MessageStructure: z.string().optional(),
  MessageAttributes: MessageAttributes.default({}),
  MessageGroupId: z.string().min(1).max(128).optional(),
  MessageDeduplicationId: z.string().min(1).max(128).optional(),
});
export type Message = z.output<typeof Message>;

/** Everything that publishing needs. */
export type SnsService = {
  readonly topics: Topics;
  readonly clock: Clock;
  readonly deliver: Deliver;
  readonly log: Log;
};

/** @see https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const MOST_BYTES = 256 * 1024;
/** A queue takes no message with more. */
const MOST_RAW_ATTRIBUTES = 10;

/**
 * Hands a message to every subscription of the topic whose filter lets it through.
 * @returns the id of the message
 * @throws {AwsError} NotFound, InvalidParameter
 */
export function publish(service: SnsService, topicArn: string, message: Message): string {
  service.topics.get(topicArn);
  checkMessage(topicArn, message);
  const id = randomUUID();
  const text = textForQueues(message);
  for (const subscription of service.topics.subscriptions(topicArn)) {
    if (passesFilter(subscription, text, message)) handTo(service, subscription, id, text, message);
  }
  return id;
}

function checkMessage(topicArn: string, { Message, MessageAttributes, MessageGroupId }: Message): void {
  if (Message === '') throw invalid('Empty message');
  if (messageBytes(Message, MessageAttributes) > MOST_BYTES) throw invalid('Message too long');
  if (topicArn.endsWith('.fifo') && MessageGroupId === undefined)
    throw invalid('The MessageGroupId parameter is required for FIFO topics');
}

/** `MessageStructure: json` has a text for each protocol. */
function textForQueues({ Message, MessageStructure }: Message): string {
  if (MessageStructure !== 'json') return Message;
  const parsed = z
    .looseObject({ default: z.string(), sqs: z.string().optional() })
    .safeParse(parseJson(Message));
  if (!parsed.success) throw invalid('Message Structure - No default entry in JSON message body');
  return parsed.data.sqs ?? parsed.data.default;
}

function passesFilter({ attributes }: Subscription, text: string, { MessageAttributes }: Message): boolean {
  const { FilterPolicy, FilterPolicyScope } = attributes;
  if (FilterPolicy === undefined) return true;
  const matches = compilePattern(FilterPolicy);
  if (FilterPolicyScope === 'MessageBody') {
    const body = parseJson(text);
    return body !== undefined && matches(body);
  }
  const entries = Object.entries(MessageAttributes).map(([name, { DataType, StringValue = '' }]) => [
    name,
    DataType === 'String.Array'
      ? (parseJson(StringValue) ?? [])
      : DataType === 'Number'
        ? Number(StringValue)
        : StringValue,
  ]);
  return matches(Object.fromEntries(entries));
}

function handTo(
  { clock, deliver, log }: SnsService,
  subscription: Subscription,
  id: string,
  text: string,
  message: Message,
): void {
  const raw = subscription.attributes['RawMessageDelivery'] === 'true';
  const common = {
    service: 'sns.amazonaws.com',
    sourceArn: subscription.topic_arn,
    groupId: message.MessageGroupId,
    deduplicationId: message.MessageDeduplicationId,
  };
  const body = raw ? text : JSON.stringify(envelope(subscription, id, text, message, clock.now()));
  const attributes = raw ? message.MessageAttributes : {};
  try {
    if (Object.keys(attributes).length > MOST_RAW_ATTRIBUTES)
      throw invalid(`a raw message has more than ${MOST_RAW_ATTRIBUTES} attributes`);
    deliver({ ...common, targetArn: subscription.endpoint, body, attributes });
  } catch (error) {
    log.warn('notification-not-delivered', { subscription: subscription.arn, reason: String(error) });
    const deadLetterArn = deadLetterQueueOf(subscription);
    if (deadLetterArn === undefined) return;
    deliver({ ...common, targetArn: deadLetterArn, body, attributes: {} });
  }
}

function deadLetterQueueOf({ attributes: { RedrivePolicy } }: Subscription): string | undefined {
  if (RedrivePolicy === undefined) return undefined;
  return z.object({ deadLetterTargetArn: z.string() }).parse(JSON.parse(RedrivePolicy)).deadLetterTargetArn;
}

/** @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html#http-notification-json */
function envelope(subscription: Subscription, id: string, text: string, message: Message, nowMs: number) {
  const attributes = Object.entries(message.MessageAttributes).map(
    ([name, { DataType, StringValue, BinaryValue }]) =>
      [name, { Type: DataType, Value: StringValue ?? BinaryValue ?? '' }] as const,
  );
  const base = `https://sns.${REGION}.amazonaws.com`;
  return {
    Type: 'Notification',
    MessageId: id,
    TopicArn: subscription.topic_arn,
    ...(message.Subject !== undefined && { Subject: message.Subject }),
    Message: text,
    Timestamp: new Date(nowMs).toISOString(),
    SignatureVersion: '1',
    Signature: 'bm90IHNpZ25lZCBsb2NhbGx5',
    SigningCertURL: `${base}/SimpleNotificationService-local.pem`,
    UnsubscribeURL: `${base}/?Action=Unsubscribe&SubscriptionArn=${subscription.arn}`,
    ...(attributes.length > 0 && { MessageAttributes: Object.fromEntries(attributes) }),
  };
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    // A filter on the body lets nothing else than JSON through.
    return undefined;
  }
}

/** What SNS answers for a parameter that it does not take. */
export function invalid(reason: string): AwsError {
  return new AwsError('InvalidParameter', `Invalid parameter: ${reason}`);
}
