import { randomUUID } from 'node:crypto';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { digestOf } from '../../../lib/aws/digest.ts';
import { groupNameOf } from '../../../lib/operations/signal.ts';
import type { Dice } from '../harness/dice.ts';
import type { FaultStack } from '../harness/fault-stack.ts';
import type { Signal } from './life-model.ts';
import type { EventMessage } from './message.ts';

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const topicArn = 'arn:aws:sns:us-east-1:000000000000:EventsTopic';
const mostPerCall = 10;

/** As mapEvents names the group of the same thing: one worker at a time works on it. */
const groupOf = (key: string) => digestOf(groupNameOf({ source: 'storm', key }));

/** Sends events to the functions by every way that there is: some never, some twice, some after the next of the same thing. */
export class EventOffice {
  /** When each event was first sent; one that was lost is missing. */
  readonly sentAt = new Map<Signal, number>();
  readonly counts: Record<string, number> = {
    ...{ doubled: 0, swapped: 0, 'lost events': 0, 'past the deduplication of SQS': 0 },
    ...{ 'raw messages': 0, 'messages of a topic': 0, 'lists of a pipe': 0 },
  };
  readonly #stack: FaultStack;
  readonly #dice: Dice;
  readonly #sns: SNSClient;
  /** Events that wait for the next one of their thing. */
  readonly #held = new Map<string, EventMessage>();
  #sent = 0;

  constructor(stack: FaultStack, dice: Dice) {
    this.#stack = stack;
    this.#dice = dice;
    this.#sns = new SNSClient({ ...local, endpoint: stack.stack.sns.url });
  }

  close(): void {
    this.#sns.destroy();
  }

  /** Messages so far, copies included. */
  get sent(): number {
    return this.#sent;
  }

  async send(messages: readonly EventMessage[]): Promise<void> {
    const due = messages.flatMap((message) => this.#muddle(message));
    await this.#sendAll(due);
  }

  /** Sends what still waits for a next event. */
  async sendHeld(): Promise<void> {
    const waiting = [...this.#held.values()];
    this.#held.clear();
    await this.#sendAll(waiting);
  }

  /** Messages that are not acknowledged, visible or not. */
  async left(): Promise<number> {
    const urls = [this.#eventsQueue, this.#fifoQueue];
    const counts = urls.map(async (QueueUrl) => {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
      const { Attributes = {} } = await this.#stack.sqs.send(command);
      const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: hidden } =
        Attributes;
      return Number(visible) + Number(hidden) + Number(Attributes.ApproximateNumberOfMessagesDelayed);
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  get #eventsQueue(): string {
    return this.#stack.variable('mapEvents', 'EVENTS_QUEUE_URL');
  }

  get #fifoQueue(): string {
    return this.#stack.variable('writeRecords', 'RECORDS_FIFO_QUEUE_URL');
  }

  #muddle(message: EventMessage): readonly EventMessage[] {
    const { key } = message.signal;
    const { chance } = this.#dice;
    if (chance(3)) {
      this.#count('lost events');
      return [];
    }
    const earlier = this.#held.get(key);
    if (earlier === undefined && chance(10)) {
      this.#count('swapped');
      this.#held.set(key, message);
      return [];
    }
    this.#held.delete(key);
    const isDoubled = chance(30);
    if (isDoubled) this.#count('doubled');
    return [message, ...(isDoubled ? [message] : []), ...(earlier ? [earlier] : [])];
  }

  async #sendAll(messages: readonly EventMessage[]): Promise<void> {
    const now = Date.now();
    this.#sent += messages.length;
    const queued: string[] = [];
    const signals: EventMessage[] = [];
    for (const message of messages) {
      if (!this.sentAt.has(message.signal)) this.sentAt.set(message.signal, now);
      const body = this.#dice.pick([message.forms[0] ?? '', ...message.forms]);
      const draw = this.#dice.random();
      if (draw < 0.15) await this.#publish(body);
      else if (draw < 0.3 && body.startsWith('{"action"')) signals.push(message);
      else if (draw < 0.4) {
        this.#count('lists of a pipe');
        queued.push(JSON.stringify([{ messageId: randomUUID(), body }]));
      } else {
        this.#count('raw messages');
        queued.push(body);
      }
    }
    await this.#sendTo(
      this.#eventsQueue,
      queued.map((MessageBody) => ({ MessageBody })),
    );
    // Two copies with ids of their own: what SQS would hold back after five minutes.
    const entries = signals.flatMap(({ signal: { key }, forms: [MessageBody = ''] }) =>
      [1, 2].map(() => ({ MessageBody, MessageGroupId: groupOf(key), MessageDeduplicationId: randomUUID() })),
    );
    this.#sent += signals.length;
    this.#count('past the deduplication of SQS', entries.length);
    await this.#sendTo(this.#fifoQueue, entries);
  }

  async #publish(Message: string): Promise<void> {
    this.#count('messages of a topic');
    await this.#sns.send(new PublishCommand({ TopicArn: topicArn, Message }));
  }

  async #sendTo(QueueUrl: string, messages: readonly { readonly MessageBody: string }[]): Promise<void> {
    for (let at = 0; at < messages.length; at += mostPerCall) {
      const Entries = messages.slice(at, at + mostPerCall).map((one, index) => ({ ...one, Id: `${index}` }));
      const { Failed = [] } = await this.#stack.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      if (Failed.length > 0) throw new Error(`SQS refused an event of the storm: ${Failed[0]?.Message}`);
    }
  }

  #count(name: string, by = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + by;
  }
}
