import { InvalidInputError } from '../core/errors.ts';
import { parseRecordMessage, type RecordMessage } from './record-message.ts';
import type { QueuedMessage } from './sqs-event.ts';

/** A message that has been read: what is to be done, and by which key it is known. */
export type Write = {
  readonly message: QueuedMessage;
  readonly work: RecordMessage;
  /** From the body, else the message attribute `IdempotencyKey`, else the message id. */
  readonly key: string;
  /** False when the key is the message id: then only redeliveries of this very message can repeat it. */
  readonly keyGiven: boolean;
};

/** The message attribute that carries the key when the body does not. */
export const keyAttribute = 'IdempotencyKey';

/** @throws InvalidInputError naming what is wrong with the message */
export function readWrite(message: QueuedMessage): Write {
  const work = parseRecordMessage(message.body);
  const given = work.key ?? keyIn(message);
  return { message, work, key: given ?? message.messageId, keyGiven: given !== undefined };
}

function keyIn({ attributes }: QueuedMessage): string | undefined {
  const attribute = attributes[keyAttribute];
  if (attribute === undefined || 'text' in attribute) return attribute?.text;
  throw new InvalidInputError(keyAttribute, 'the message attribute that holds the key must be text');
}
