import type { Message } from '@aws-sdk/client-sqs';
import {
  changeVisibility,
  countMessages,
  deleteMessages,
  receiveMessages,
  sendMessages,
} from '../aws/sqs.ts';
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
  /** For how long a letter is out of sight once it was looked at. @default 900 */
  readonly hiddenSeconds?: number;
  /** Called after each letter that was looked at. */
  readonly onProgress?: (looked: number) => void;
};

export type RedriveReport = {
  /** Letters that were looked at, by error code; `UNKNOWN` for those that SQS itself moved. */
  readonly found: ReadonlyMap<string, number>;
  readonly moved: number;
  /** Letters that should have been moved and are still there, with the reasons. */
  readonly failures: readonly string[];
  /** Letters that SQS did not show: in a FIFO queue, those behind the first ten of their group that stay. */
  readonly unseen: number;
};

/**
 * Moves dead letters back to their queue. A letter is deleted only once the queue has it, so that a crash leaves both: its key
 * travels with it, and the second copy changes nothing. Letters that stay are visible again at the end.
 * @throws what SQS answers when the queues cannot be read
 */
export async function redrive(options: RedriveOptions): Promise<RedriveReport> {
  const found = new Map<string, number>();
  const kept = new Map<string, string>();
  const failures: string[] = [];
  let moved = 0;
  for (let letters = await receive(options); letters.length > 0; letters = await receive(options)) {
    // One that comes again has been out of sight for so long that the round is over.
    const fresh = letters.filter(({ MessageId = '' }) => !kept.has(MessageId));
    for (const letter of fresh) found.set(codeOf(letter), (found.get(codeOf(letter)) ?? 0) + 1);
    const wanted = options.dryRun ? [] : fresh.filter((letter) => isWanted(letter, options.codes));
    const lost = await move(wanted, options);
    failures.push(...lost.values());
    moved += wanted.length - lost.size;
    for (const letter of letters) if (!wanted.includes(letter) || lost.has(letter)) keep(letter, kept);
    options.onProgress?.(moved + kept.size);
    if (fresh.length === 0) break;
  }
  const hides = kept.size > 0 && options.deadLetterUrl.endsWith('.fifo');
  const unseen = hides ? await countMessages(options.deadLetterUrl) : 0;
  await giveBack(options.deadLetterUrl, [...kept.values()]);
  return { found, moved, failures, unseen };
}

/** Of a letter only what it takes to give it back: a queue may hold a mebibyte for each. */
function keep({ MessageId = '', ReceiptHandle = '' }: Message, kept: Map<string, string>): void {
  kept.set(MessageId, ReceiptHandle);
}

async function giveBack(deadLetterUrl: string, receipts: readonly string[]): Promise<void> {
  const entries = receipts.map((ReceiptHandle) => ({ ReceiptHandle, VisibilityTimeout: 0 }));
  await changeVisibility(deadLetterUrl, entries);
}

function receive({
  deadLetterUrl,
  waitSeconds = 2,
  hiddenSeconds = 900,
}: RedriveOptions): Promise<readonly Message[]> {
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
