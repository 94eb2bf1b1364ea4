import type { Message } from '@aws-sdk/client-sqs';
import { changeVisibility, deleteMessages, receiveMessages, sendMessages } from '../aws/sqs.ts';
import { reasonAttributes } from './dead-letter.ts';
import { keyAttribute } from './write.ts';

export type RedriveOptions = {
  readonly deadLetterUrl: string;
  readonly queueUrl: string;
  /** Only letters with one of these error codes; absent means all. */
  readonly codes?: readonly string[] | undefined;
  /** Counts and moves nothing. */
  readonly dryRun: boolean;
  /** How long the queue must give nothing to count as empty; without a wait SQS may pass letters over. @default 2 */
  readonly waitSeconds?: number;
  /** Called after each letter that was looked at. */
  readonly onProgress?: (looked: number) => void;
};

export type RedriveReport = {
  /** Letters that were looked at, by error code; `UNKNOWN` for those that SQS itself moved. */
  readonly found: ReadonlyMap<string, number>;
  readonly moved: number;
  /** Letters that should have been moved and are still there, with the reasons. */
  readonly failures: readonly string[];
};

/** Long enough that no letter comes twice while the queue is read. */
const hiddenSeconds = 900;

/**
 * Moves dead letters back to their queue. A letter is deleted only once the queue has it, so that a crash leaves both: its key
 * travels with it, and the second copy changes nothing. Letters that stay are visible again at the end.
 * @throws what SQS answers when the queues cannot be read
 */
export async function redrive(options: RedriveOptions): Promise<RedriveReport> {
  const found = new Map<string, number>();
  const kept: Message[] = [];
  const failures: string[] = [];
  let looked = 0;
  let moved = 0;
  for (let letters = await receive(options); letters.length > 0; letters = await receive(options)) {
    for (const letter of letters) found.set(codeOf(letter), (found.get(codeOf(letter)) ?? 0) + 1);
    const wanted = options.dryRun ? [] : letters.filter((letter) => isWanted(letter, options.codes));
    const lost = await move(wanted, options);
    failures.push(...lost.values());
    moved += wanted.length - lost.size;
    kept.push(...letters.filter((letter) => !wanted.includes(letter) || lost.has(letter)));
    looked += letters.length;
    options.onProgress?.(looked);
  }
  const back = kept.map(({ ReceiptHandle }) => ({ ReceiptHandle, VisibilityTimeout: 0 }));
  await changeVisibility(options.deadLetterUrl, back);
  return { found, moved, failures };
}

function receive({ deadLetterUrl, waitSeconds = 2 }: RedriveOptions): Promise<readonly Message[]> {
  return receiveMessages(deadLetterUrl, hiddenSeconds, waitSeconds);
}

function codeOf({ MessageAttributes }: Message): string {
  return MessageAttributes?.['ErrorCode']?.StringValue ?? 'UNKNOWN';
}

function isWanted(letter: Message, codes: readonly string[] | undefined): boolean {
  return codes === undefined || codes.includes(codeOf(letter));
}

/** @returns the letters that are still in the dead-letter queue, with the reason */
async function move(
  letters: readonly Message[],
  options: RedriveOptions,
): Promise<ReadonlyMap<Message, string>> {
  const lost = new Map<Message, string>();
  for (const { index, reason } of await sendMessages(options.queueUrl, letters.map(toMessage))) {
    const letter = letters[index];
    if (letter) lost.set(letter, `${letter.MessageId}: not sent, ${reason}`);
  }
  const sent = letters.filter((letter) => !lost.has(letter));
  const receipts = sent.map(({ ReceiptHandle }) => ({ ReceiptHandle }));
  for (const { index, reason } of await deleteMessages(options.deadLetterUrl, receipts)) {
    const letter = sent[index];
    if (letter) lost.set(letter, `${letter.MessageId}: sent, but not deleted, ${reason}`);
  }
  return lost;
}

/** The message as it was, with its key and without the reasons. */
function toMessage({
  Body,
  MessageId = '',
  MessageAttributes = {},
  Attributes,
  ReceiptHandle = '',
}: Message) {
  const own = Object.entries(MessageAttributes).filter(
    ([name]) => !reasonAttributes.some((reason) => reason === name),
  );
  const attributes = Object.fromEntries(own);
  // A letter that SQS moved by itself has kept the message id by which it was known.
  attributes[keyAttribute] ??= { DataType: 'String', StringValue: MessageId };
  return {
    MessageBody: Body,
    MessageAttributes: attributes,
    // A new deduplication id: under the old one a FIFO queue would take the message and drop it, for five minutes.
    ...(Attributes?.MessageGroupId && {
      MessageGroupId: Attributes.MessageGroupId,
      MessageDeduplicationId: `${MessageId}-${ReceiptHandle.slice(-40)}`.replace(/[^\w-]/g, '_'),
    }),
  };
}
