import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import { md5OfAttributes } from '../message-attributes.ts';
import { md5 } from '../send.ts';
import type { ReceivedMessage, SqsService } from '../state.ts';
import { systemAttributes } from '../system-attributes.ts';

const Names = z.array(z.string()).default([]);
const Input = z.object({
  QueueUrl: z.string(),
  MaxNumberOfMessages: z.int().min(1).max(10).default(1),
  WaitTimeSeconds: z.int().min(0).max(20).optional(),
  VisibilityTimeout: z.int().min(0).max(43_200).optional(),
  AttributeNames: Names,
  MessageSystemAttributeNames: Names,
  MessageAttributeNames: Names,
});
type Input = z.output<typeof Input>;

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
export const receiveMessage = jsonAction(Input, async (input, { state }: SqsService, signal) => {
  const queue = state.queues.byUrl(input.QueueUrl);
  const options = {
    most: input.MaxNumberOfMessages,
    waitSeconds: input.WaitTimeSeconds ?? queue.settings.ReceiveMessageWaitTimeSeconds,
    visibilitySeconds: input.VisibilityTimeout,
  };
  const messages = await state.receive(queue, options, signal);
  return messages.length === 0 ? {} : { Messages: messages.map((message) => toWire(message, input)) };
});

function toWire(message: ReceivedMessage, input: Input): object {
  const system = pick(systemAttributes(message), [
    ...input.AttributeNames,
    ...input.MessageSystemAttributeNames,
  ]);
  const own = pick(message.attributes, input.MessageAttributeNames);
  return {
    MessageId: message.id,
    ReceiptHandle: message.receipt,
    MD5OfBody: md5(message.body),
    Body: message.body,
    ...(Object.keys(system).length > 0 ? { Attributes: system } : {}),
    ...(Object.keys(own).length > 0
      ? { MessageAttributes: own, MD5OfMessageAttributes: md5OfAttributes(own) }
      : {}),
  };
}

/** Names may be whole, `All`, or the beginning of a name before `.*`. */
function pick<Value>(all: Readonly<Record<string, Value>>, names: readonly string[]): Record<string, Value> {
  const wanted = (name: string) =>
    names.some(
      (asked) =>
        asked === 'All' || asked === name || (asked.endsWith('.*') && name.startsWith(asked.slice(0, -2))),
    );
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted(name)));
}
