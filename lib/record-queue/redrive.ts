import type { Message } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { digestOf } from '../aws/digest.ts';
import {
  changeVisibility,
  countMessages,
  deleteMessages,
  receiveMessages,
  sendMessages,
} from '../aws/sqs.ts';
import type { StateTable } from '../aws/state-table.ts';
import { parseJson } from '../core/parse-json.ts';
import {
  originalAttributes,
  recallReasons,
  rememberKey,
  takesAttributes,
  withOrigin,
} from './dead-letter.ts';
import {
  firstOrigin,
  type Origin,
  senderAttribute,
  sentAtAttribute,
  sequenceAttribute,
} from './first-sender.ts';
import { keyAttribute } from './message.ts';
import { watchQueue } from './redrive-watch.ts';

export type RedriveOptions = {
  readonly deadLetterUrl: string;
  readonly queueUrl: string;
  /** Only letters with one of these error codes; absent means all. */
  readonly codes?: readonly string[] | undefined;
  /** Counts and moves nothing. */
  readonly dryRun: boolean;
  /** Where the reasons of letters are that have no room for them, and the deployment (service and stage). */
  readonly remembered?: { readonly stateTable: StateTable; readonly deployment: string } | undefined;
  /** Ids of roles and users whose letters say who sent their messages first. Without a list, moved messages name no first sender, nor when it sent them. */
  readonly trustedSenders?: readonly string[] | undefined;
  /** How long the queue must return nothing to count as empty; without a wait SQS may skip letters. @default 2 */
  readonly waitSeconds?: number;
  /** For how long after the last move letters that fail again are waited for, while the queue holds anything. @default 0 */
  readonly watchSeconds?: number;
  /** For how long a letter is hidden once it was looked at. @default 900 */
  readonly hiddenSeconds?: number;
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly nowMs?: (() => number) | undefined;
  /** Ends the redrive early; what was taken and not moved is visible again at once. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each letter that was looked at. */
  readonly onProgress?: (looked: number) => void;
};

export type RedriveReport = {
  /** Letters that were looked at, by error code; `UNKNOWN` for those that SQS itself moved. */
  readonly found: ReadonlyMap<string, number>;
  readonly moved: number;
  /** Of those that were moved, letters that failed again meanwhile and stay, by error code. */
  readonly returned: ReadonlyMap<string, number>;
  /** Letters that should have been moved and are still there, with the reasons. */
  readonly failures: readonly string[];
  /** Messages that the queue still held when the wait for letters that come back was over. */
  readonly underWay: number;
  /** True when the signal ended it early. */
  readonly isInterrupted: boolean;
  /** Letters that SQS did not show: in a FIFO queue, those behind the first ten of their group that stay. */
  readonly unseen: number;
};

/**
 * Codes of letters that were given up for something that passes by itself, such as an outage of the instance: sending the same message
 * later may succeed.
 */
export const passingCodes: readonly string[] = [
  'ANSWER_LOST',
  'ANSWER_UNREADABLE',
  'CALL_ABANDONED',
  'CONNECTION_FAILED',
  'DEADLINE_EXCEEDED',
  'GROUP_WAITS',
  'INSTANCE_ASLEEP',
  'INSTANCE_ERROR',
  'INSTANCE_UNAVAILABLE',
  'OUTCOME_UNKNOWN',
  'RECORD_IN_DOUBT',
  'RECORD_NOT_SHOWN',
  'SECRET_UNAVAILABLE',
  'STATE_UNAVAILABLE',
  'THROTTLED',
  'TRANSACTION_CANCELLED',
];

/** The code of letters that SQS itself moved. */
const unknownCode = 'UNKNOWN';

/** A letter as it was received, with what is known of it. */
type Letter = {
  readonly message: Message;
  readonly code: string;
  readonly key: string;
  readonly name: string;
};

/**
 * Moves dead letters back to their queue, each at most once: one that fails again meanwhile stays and is reported. A letter is
 * deleted only once the queue has it, so that a crash leaves both: its key travels with it, and the second copy changes
 * nothing. Letters that stay are visible again at the end, also when it fails.
 * @throws what SQS answers when the queues cannot be read; what the state table throws
 */
export async function redrive(options: RedriveOptions): Promise<RedriveReport> {
  const found = new Map<string, number>();
  const returned = new Map<string, number>();
  const kept = new Map<string, string>();
  /** When letters were first moved, by name. */
  const movedAtMs = new Map<string, number>();
  let shownAtMs = 0;
  const bodies = new Map<string, number>();
  const failures: string[] = [];
  let moved = 0;
  const { signal } = options;
  let unseen = 0;
  const watch = watchQueue(options);
  try {
    for (;;) {
      const messages = await receive(options);
      if (messages.length === 0) {
        if (await watch.isWorthwhile()) continue;
        break;
      }
      if (signal?.aborted) {
        for (const message of messages) keep(message, kept);
        break;
      }
      // One that is received again has been hidden for so long that the round is over.
      const unknown = messages.filter(({ MessageId = '' }) => !kept.has(MessageId));
      for (const message of messages) keep(message, kept);
      shownAtMs = messages.reduce(shownSince, shownAtMs);
      const fresh = await readLetters(unknown, bodies, options);
      const isReturned = (letter: Letter) => isSentSince(letter, movedAtMs.get(letter.name));
      for (const letter of fresh) count(letter.code, isReturned(letter) ? returned : found);
      const wanted = options.dryRun
        ? []
        : fresh.filter((letter) => !isReturned(letter) && (options.codes?.includes(letter.code) ?? true));
      for (const { name } of wanted) movedAtMs.set(name, movedAtMs.get(name) ?? shownAtMs);
      if (wanted.length > 0) watch.begin();
      const lost = await move(wanted, options);
      failures.push(...lost.values());
      moved += wanted.length - lost.size;
      for (const letter of wanted) if (!lost.has(letter)) kept.delete(letter.message.MessageId ?? '');
      options.onProgress?.(moved + kept.size);
      if (fresh.length === 0 || options.signal?.aborted) break;
    }
    if (kept.size > 0 && isFifo(options.deadLetterUrl)) unseen = await countMessages(options.deadLetterUrl);
  } finally {
    // Also when it fails: what was taken would be hidden for a quarter of an hour.
    await show(options.deadLetterUrl, [...kept.values()]);
  }
  const isInterrupted = signal?.aborted === true;
  return { found, moved, returned, failures, underWay: watch.underWay, isInterrupted, unseen };
}

/** When the last letters were shown, by the clock of SQS: ours may differ, and a letter that comes back would look older than its move. */
function shownSince(beforeMs: number, { Attributes = {} }: Message): number {
  const { ApproximateFirstReceiveTimestamp: shown = 0, SentTimestamp: sent = 0 } = Attributes;
  return Math.max(beforeMs, Number(shown), Number(sent));
}

/** A letter of the same message that was there before is no letter that failed again. */
function isSentSince({ message }: Letter, movedAtMs: number | undefined): boolean {
  return movedAtMs !== undefined && !(Number(message.Attributes?.SentTimestamp) < movedAtMs);
}

function isFifo(queueUrl: string): boolean {
  return queueUrl.endsWith('.fifo');
}

/** Of a letter only what it takes to show it again: a queue may hold a mebibyte for each. */
function keep({ MessageId = '', ReceiptHandle = '' }: Message, kept: Map<string, string>): void {
  kept.set(MessageId, ReceiptHandle);
}

async function show(deadLetterUrl: string, receipts: readonly string[]): Promise<void> {
  const entries = receipts.map((ReceiptHandle) => ({ ReceiptHandle, VisibilityTimeout: 0 }));
  await changeVisibility(deadLetterUrl, entries);
}

/** A receive that is under way may have hidden letters: it is waited for, however the redrive ends. */
async function receive({
  deadLetterUrl,
  waitSeconds = 2,
  hiddenSeconds = 900,
  signal,
}: RedriveOptions): Promise<readonly Message[]> {
  return signal?.aborted ? [] : receiveMessages(deadLetterUrl, hiddenSeconds, waitSeconds);
}

function count(code: string, counts: Map<string, number>): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}

/** @param bodies how many letters of each body there were before that do not say their key */
function readLetters(
  messages: readonly Message[],
  bodies: Map<string, number>,
  options: RedriveOptions,
): Promise<readonly Letter[]> {
  const letters = messages.map((message) => {
    const body = digestOf(message.Body ?? '');
    const before = bodies.get(body) ?? 0;
    if (message.MessageAttributes?.[keyAttribute] === undefined) bodies.set(body, before + 1);
    return readLetter(message, before, options);
  });
  return Promise.all(letters);
}

/**
 * A letter that fails again comes back with another id, but with the same key and body.
 * @param before so many letters with this body stand for other remembered keys
 */
async function readLetter(message: Message, before: number, { remembered }: RedriveOptions): Promise<Letter> {
  const { Body = '', MessageId = '', MessageAttributes = {} } = message;
  const saysWhy = MessageAttributes['ErrorCode']?.StringValue;
  const reasons =
    saysWhy === undefined && remembered
      ? await recallReasons(Body, remembered.stateTable, remembered.deployment)
      : [];
  const reason = reasons[before] ?? reasons.at(-1);
  const code = saysWhy ?? reason?.code ?? unknownCode;
  // A letter that SQS moved by itself has kept the message id by which it was known.
  const key = MessageAttributes[keyAttribute]?.StringValue ?? reason?.key ?? MessageId;
  return { message, code, key, name: digestOf(JSON.stringify([key, Body])) };
}

/** @returns the letters that are still in the dead-letter queue, with the reason */
async function move(
  letters: readonly Letter[],
  options: RedriveOptions,
): Promise<ReadonlyMap<Letter, string>> {
  const lost = new Map<Letter, string>();
  if (isFifo(options.queueUrl)) await sendInOrder(letters, options, lost);
  else await send(letters, options, lost);
  const sent = letters.filter((letter) => !lost.has(letter));
  const receipts = sent.map(({ message: { ReceiptHandle } }) => ({ ReceiptHandle }));
  for (const { index, reason } of await deleteMessages(options.deadLetterUrl, receipts)) {
    const letter = sent[index];
    if (letter) lost.set(letter, `${letter.message.MessageId}: sent, but not deleted, ${reason}`);
  }
  return lost;
}

/** Letters of a group one after another: behind one that stays nothing is sent, or a later write would overtake it. */
async function sendInOrder(
  letters: readonly Letter[],
  options: RedriveOptions,
  lost: Map<Letter, string>,
): Promise<void> {
  const groups = Map.groupBy(letters, ({ message }) => message.Attributes?.MessageGroupId);
  const sendings = [...groups.values()].map(async (group) => {
    for (const [index, letter] of group.entries()) {
      await send([letter], options, lost);
      if (!lost.has(letter)) continue;
      for (const later of group.slice(index + 1))
        lost.set(later, `${later.message.MessageId}: not sent, an earlier letter of its group stays`);
      break;
    }
  });
  await Promise.all(sendings);
}

async function send(
  letters: readonly Letter[],
  options: RedriveOptions,
  lost: Map<Letter, string>,
): Promise<void> {
  const entries = await Promise.all(letters.map((letter) => toMessage(letter, options)));
  for (const [index, letter] of letters.entries())
    if (entries[index] === undefined) lost.set(letter, `${letter.message.MessageId}: not sent, ${noRoom}`);
  const ready = letters.filter((letter) => !lost.has(letter));
  const sendable = entries.filter((entry) => entry !== undefined);
  for (const { index, reason } of await sendMessages(options.queueUrl, sendable)) {
    const letter = ready[index];
    if (letter) lost.set(letter, `${letter.message.MessageId}: not sent, ${reason}`);
  }
}

const noRoom =
  'it has no room for its key, so that moving it could write its record twice; name the state table with --state-table';

/**
 * The message as it was, with its key and without the reasons. A key that there is no room for is remembered by the body. Who sent it
 * first, and when, travels with it where there is room.
 * @returns nothing when the key cannot be remembered
 */
async function toMessage(
  { message, key, code }: Letter,
  { queueUrl, remembered, nowMs = Date.now, trustedSenders }: RedriveOptions,
) {
  const { Body = '', MessageId = '', MessageAttributes = {}, Attributes, ReceiptHandle = '' } = message;
  const original = originalAttributes(MessageAttributes, key);
  const { [keyAttribute]: _key, ...withoutKey } = original;
  const attributes = takesAttributes(Body, original) ? original : withoutKey;
  // Of a letter that we made the key was remembered then.
  if (attributes[keyAttribute] === undefined && code === unknownCode && !saysItsKey(Body)) {
    if (!remembered) return undefined;
    await rememberKey(Body, key, { ...remembered, nowMs: nowMs() });
  }
  return {
    MessageBody: Body,
    MessageAttributes: withOrigin(Body, attributes, originOf(message, trustedSenders)),
    // The messages of a standard queue may have a group too, for fair turns.
    ...(Attributes?.MessageGroupId && { MessageGroupId: Attributes.MessageGroupId }),
    // A new deduplication id: under the old one a FIFO queue would accept the message and drop it, for five minutes.
    ...(isFifo(queueUrl) && {
      MessageDeduplicationId: `${MessageId}-${ReceiptHandle.slice(-40)}`.replace(/[^\w-]/g, '_'),
    }),
  };
}

function originOf(
  { Attributes, MessageAttributes }: Message,
  trusted: readonly string[] | undefined,
): Origin {
  if (trusted === undefined) return {};
  const { SenderId: sender, SentTimestamp } = Attributes ?? {};
  const said = {
    sender: MessageAttributes?.[senderAttribute]?.StringValue,
    sentAt: MessageAttributes?.[sentAtAttribute]?.StringValue,
    sequence: MessageAttributes?.[sequenceAttribute]?.StringValue,
  };
  const sentAtMs = SentTimestamp === undefined ? undefined : Number(SentTimestamp);
  return firstOrigin({ sender, sentAtMs }, said, trusted);
}

/** True for a body that holds the key of its message. */
function saysItsKey(body: string): boolean {
  try {
    return z.safeParse(keyedBody, parseJson(body)).success;
  } catch {
    return false;
  }
}

const keyedBody = z.object({ key: z.string() });
