import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { FaultStack } from '../harness/fault-stack.ts';
import type { QueueUrls } from '../records/post-office.ts';

const answer = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })) });

/** Names of queues that no event source mapping reads. */
export const ownQueues = { standard: 'by-hand', fifo: 'by-hand.fifo' } as const;

/**
 * Brings messages from queues of its own to the function, as an event source mapping does, but one batch at a time and
 * without waiting: a batch whose process died comes again at once.
 */
export class HandDelivery {
  readonly urls: QueueUrls;
  readonly #stack: FaultStack;

  private constructor(stack: FaultStack, urls: QueueUrls) {
    this.#stack = stack;
    this.urls = urls;
  }

  static async open(stack: FaultStack): Promise<HandDelivery> {
    const create = async (QueueName: string, Attributes: Record<string, string>) => {
      const { QueueUrl = '' } = await stack.sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
      return QueueUrl;
    };
    return new HandDelivery(stack, {
      standard: await create(ownQueues.standard, {}),
      fifo: await create(ownQueues.fifo, { FifoQueue: 'true' }),
    });
  }

  /** Delivers until both queues are empty. @returns false when that takes too long */
  async deliverAll(longestWaitMs: number): Promise<boolean> {
    for (const endsAt = Date.now() + longestWaitMs; Date.now() < endsAt; ) {
      const delivered = (await this.#deliver(this.urls.standard)) + (await this.#deliver(this.urls.fifo));
      if (delivered === 0 && (await this.#left()) === 0) return true;
    }
    return false;
  }

  async #deliver(QueueUrl: string): Promise<number> {
    const messages = await this.#receive(QueueUrl);
    if (messages.length === 0) return 0;
    const Records = messages.map((message) => toRecord(message, QueueUrl));
    const { stack, arn, sqs } = this.#stack;
    const outcome = await stack.host.invoke(arn('writeRecords'), { Records });
    const died = outcome.functionError !== undefined;
    const failures = died ? [] : answer.parse(JSON.parse(outcome.payload.toString())).batchItemFailures;
    const unfinished = new Set(failures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { MessageId = '', ReceiptHandle } of messages) {
      const receipt = { QueueUrl, ReceiptHandle };
      if (died) await sqs.send(new ChangeMessageVisibilityCommand({ ...receipt, VisibilityTimeout: 0 }));
      else if (!unfinished.has(MessageId)) await sqs.send(new DeleteMessageCommand(receipt));
    }
    return messages.length;
  }

  /** Everything that is visible, up to a batch. */
  async #receive(QueueUrl: string): Promise<readonly Message[]> {
    const all: Message[] = [];
    for (;;) {
      const { Messages = [] } = await this.#stack.sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          VisibilityTimeout: 20,
          WaitTimeSeconds: 0,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['All'],
        }),
      );
      all.push(...Messages);
      if (Messages.length === 0 || all.length >= 90) return all;
    }
  }

  async #left(): Promise<number> {
    const counts = Object.values(this.urls).map(async (QueueUrl) => {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
      const { Attributes = {} } = await this.#stack.sqs.send(command);
      return (
        Number(Attributes.ApproximateNumberOfMessages) +
        Number(Attributes.ApproximateNumberOfMessagesNotVisible)
      );
    });
    const left = (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    // What is hidden comes back in a second at the earliest.
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    return left;
  }
}

function toRecord(message: Message, queueUrl: string) {
  const { MessageId, ReceiptHandle, Body, Attributes = {}, MessageAttributes = {} } = message;
  const attributes = Object.entries(MessageAttributes).map(([name, { DataType, StringValue }]) => [
    name,
    { dataType: DataType, stringValue: StringValue },
  ]);
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes,
    messageAttributes: Object.fromEntries(attributes),
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queueUrl.split('/').at(-1)}`,
  };
}
