import type { SQSEvent, SQSMessageAttributes, SQSRecord } from 'aws-lambda';
import { REGION } from '../../account.ts';
import { type MessageAttributes, md5OfAttributes } from '../message-attributes.ts';
import type { Queue } from '../queue-table.ts';
import { md5 } from '../send.ts';
import type { ReceivedMessage } from '../state.ts';
import { systemAttributes } from '../system-attributes.ts';

/** The event of a batch (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event). */
export function sqsEvent(queue: Queue, messages: readonly ReceivedMessage[]): SQSEvent {
  return { Records: messages.map((message) => sqsRecord(queue, message)) };
}

function sqsRecord(queue: Queue, message: ReceivedMessage): SQSRecord {
  const {
    ApproximateReceiveCount = '',
    SentTimestamp = '',
    SenderId = '',
    ...rest
  } = systemAttributes(message);
  const { ApproximateFirstReceiveTimestamp = '', ...others } = rest;
  const named = Object.keys(message.attributes).length > 0;
  return {
    messageId: message.id,
    receiptHandle: message.receipt,
    body: message.body,
    attributes: {
      ApproximateReceiveCount,
      SentTimestamp,
      SenderId,
      ApproximateFirstReceiveTimestamp,
      ...others,
    },
    messageAttributes: lambdaAttributes(message.attributes),
    md5OfBody: md5(message.body),
    ...(named ? { md5OfMessageAttributes: md5OfAttributes(message.attributes) } : {}),
    eventSource: 'aws:sqs',
    eventSourceARN: queue.arn,
    awsRegion: REGION,
  };
}

/** Lambda spells the members differently from SQS, and always brings the two empty lists. */
function lambdaAttributes(attributes: MessageAttributes): SQSMessageAttributes {
  const entries = Object.entries(attributes).map(([name, { DataType, StringValue, BinaryValue }]) => {
    const value = {
      ...(StringValue === undefined ? {} : { stringValue: StringValue }),
      ...(BinaryValue === undefined ? {} : { binaryValue: BinaryValue }),
      stringListValues: [],
      binaryListValues: [],
      dataType: DataType,
    };
    return [name, value] as const;
  });
  return Object.fromEntries(entries);
}
