import { randomUUID } from 'node:crypto';
import { GetQueueAttributesCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import type { Row } from '../../../emulator/instance/row.ts';
import type { FaultStack } from '../harness/fault-stack.ts';
import type { Sending } from './story.ts';

/** A message that is on its queue. */
export type Posted = {
  readonly sending: Sending;
  readonly body: string;
  readonly messageId: string;
  /** In milliseconds since the Unix epoch. */
  readonly sentAtMs: number;
};

/** One message to send, and the rows of its story at this moment. */
export type Outgoing = { readonly sending: Sending; readonly rows: readonly Row[] };

const mostPerCall = 10;
/** SQS takes a mebibyte in one call. */
const mostBytesPerCall = 900_000;

export type QueueUrls = { readonly standard: string; readonly fifo: string };

function recordsQueues({ variable }: FaultStack): QueueUrls {
  const url = (name: string) => variable('writeRecords', name);
  return { standard: url('RECORDS_QUEUE_URL'), fifo: url('RECORDS_FIFO_QUEUE_URL') };
}

/** Puts messages on the records queues and remembers them. A message that is sent again asks for the same, spelt differently. */
export class PostOffice {
  readonly bodies = new Map<Sending, string>();
  readonly posted: Posted[] = [];
  readonly counts = { 'copies spelt differently': 0, 'odd SQS records': 0 };
  readonly #stack: FaultStack;
  readonly #urls: QueueUrls;

  /** @param urls of the queues. @default those of the template */
  constructor(stack: FaultStack, urls: QueueUrls = recordsQueues(stack)) {
    this.#stack = stack;
    this.#urls = urls;
  }

  /** Messages of a FIFO group keep the order given. */
  async send(outgoing: readonly Outgoing[]): Promise<readonly Posted[]> {
    const loose = outgoing.filter(({ sending }) => sending.group === undefined);
    const grouped = outgoing.filter(({ sending }) => sending.group !== undefined);
    return [
      ...(await this.#sendTo(this.#urls.standard, loose)),
      ...(await this.#sendTo(this.#urls.fifo, grouped)),
    ];
  }

  /** Messages that are not acknowledged, visible or not. */
  async left(): Promise<number> {
    const counts = Object.values(this.#urls).map(async (QueueUrl) => {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
      const { Attributes = {} } = await this.#stack.sqs.send(command);
      const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: hidden } =
        Attributes;
      return Number(visible) + Number(hidden) + Number(Attributes.ApproximateNumberOfMessagesDelayed);
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  /**
   * Hands messages to the function past the queue, under their own message ids, as SQS does when it delivers twice: two
   * processes work on one record at once.
   * @param receiveCount how often SQS claims to have handed them out; it may be wrong
   */
  async race(posted: readonly Posted[], receiveCount = 2): Promise<void> {
    for (let offset = 0; offset < posted.length; offset += 50) {
      const Records = posted
        .slice(offset, offset + 50)
        .map((one) => toRecord(one, this.#urls.standard, receiveCount))
        .map((record, index) => (index % 4 === 3 ? this.#odd(record) : record));
      await this.#stack.stack.host.invoke(this.#stack.arn('writeRecords'), { Records });
    }
  }

  async #sendTo(QueueUrl: string, outgoing: readonly Outgoing[]): Promise<readonly Posted[]> {
    const posted: Posted[] = [];
    for (const part of partsOf(
      outgoing.map(({ sending, rows }) => ({ sending, body: this.#bodyOf(sending, rows) })),
    )) {
      const Entries = part.map(({ sending, body }, index) => this.#entry(sending, body, index));
      const { Successful = [], Failed = [] } = await this.#stack.sqs.send(
        new SendMessageBatchCommand({ QueueUrl, Entries }),
      );
      if (Failed.length > 0) throw new Error(`SQS refused a message of the storm: ${Failed[0]?.Message}`);
      const ids = new Map(Successful.map(({ Id, MessageId = '' }) => [Id, MessageId]));
      const sentAtMs = Date.now();
      posted.push(...part.map((one, index) => ({ ...one, messageId: ids.get(`${index}`) ?? '', sentAtMs })));
    }
    this.posted.push(...posted);
    return posted;
  }

  #bodyOf(sending: Sending, rows: readonly Row[]): string {
    const known = this.bodies.get(sending);
    if (known !== undefined) return this.#spellDifferently(sending, known);
    const body = sending.body(rows);
    this.bodies.set(sending, body);
    return body;
  }

  /** A refusal is known by the body that went out first. */
  #spellDifferently({ isKeyed, write }: Sending, body: string): string {
    if (!isKeyed || write.refused || write.mayBeRefused || !/^{"(?!options)/.test(body)) return body;
    this.counts['copies spelt differently'] += 1;
    return `{"options":{},${body.slice(1)}`;
  }

  /** What a client of SQS other than Lambda hands over. */
  #odd<T extends { readonly messageAttributes: object }>(record: T) {
    this.counts['odd SQS records'] += 1;
    if (Object.keys(record.messageAttributes).length === 0) return { ...record, messageAttributes: null };
    const { messageAttributes } = record;
    const untyped = Object.entries(messageAttributes).map(([name, { stringValue }]) => [
      name,
      { stringValue },
    ]);
    return { ...record, messageAttributes: Object.fromEntries(untyped) };
  }

  #entry({ keyAttribute, group }: Sending, body: string, index: number) {
    return {
      Id: String(index),
      MessageBody: body,
      ...(keyAttribute !== undefined && {
        MessageAttributes: { IdempotencyKey: { DataType: 'String', StringValue: keyAttribute } },
      }),
      ...(group !== undefined && { MessageGroupId: group, MessageDeduplicationId: randomUUID() }),
    };
  }
}

function partsOf<T extends { readonly body: string }>(messages: readonly T[]): readonly T[][] {
  const parts: T[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const part = parts.at(-1);
    bytes += Buffer.byteLength(message.body);
    if (part && part.length < mostPerCall && bytes < mostBytesPerCall) part.push(message);
    else {
      parts.push([message]);
      bytes = Buffer.byteLength(message.body);
    }
  }
  return parts;
}

function toRecord({ sending, body, messageId, sentAtMs }: Posted, queueUrl: string, receiveCount: number) {
  const now = String(Date.now());
  const { keyAttribute } = sending;
  return {
    messageId,
    receiptHandle: 'none',
    body,
    attributes: {
      ApproximateReceiveCount: String(receiveCount),
      SentTimestamp: String(sentAtMs),
      ApproximateFirstReceiveTimestamp: now,
    },
    messageAttributes:
      keyAttribute === undefined ? {} : { IdempotencyKey: { dataType: 'String', stringValue: keyAttribute } },
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queueUrl.split('/').at(-1)}`,
  };
}
