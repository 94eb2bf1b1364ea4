import type { Message } from '@aws-sdk/client-sqs';
import { countMessages, receiveMessages } from '../../lib/aws/sqs.ts';
import { createStateTable, type StateTable } from '../../lib/aws/state-table.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { recallReasons } from '../../lib/record-queue/dead-letter.ts';
import { keyAttribute } from '../../lib/record-queue/message.ts';
import { UsageError } from '../command-line.ts';
import { counted } from '../counted.ts';
import { plain } from '../terminal-text.ts';
import { typed } from '../typed.ts';
import type { DeadLetterQueue } from './found-queues.ts';
import { findRecordsQueues, type QueueOptions } from './records-queues.ts';

type DeadLetterOptions = QueueOptions & {
  readonly limit?: number | undefined;
  readonly body?: boolean | undefined;
  readonly json?: boolean | undefined;
};

/** A dead letter as it is shown. */
export type Letter = {
  readonly messageId: string;
  readonly key: string;
  readonly code: string;
  readonly reason: string | undefined;
  readonly attempts: number | undefined;
  readonly requestId: string | undefined;
  /** ISO 8601. */
  readonly sentAt: string | undefined;
  readonly body: string;
};

/** SQS answers from a sample of its servers: a queue counts as read when so many receives in a row showed nothing new. */
const emptyReceives = 4;

/** Prints dead letters. They stay visible to everyone: each is received with a visibility timeout of zero. */
export async function runDeadLetters(options: DeadLetterOptions): Promise<void> {
  const queues = await findRecordsQueues(options, process.env);
  const { deadLetterQueues, place, stateTable } = queues;
  if (deadLetterQueues.length === 0) throw new UsageError('--dlq is needed');
  const most = options.limit ?? 100;
  // To see that a queue of AWS is empty takes seconds.
  const read = await Promise.all(
    deadLetterQueues.map(async (queue) => {
      const count = await countMessages(queue.url);
      // A local queue knows how many it holds.
      const isWorthReading = count > 0 || place === 'AWS';
      return { queue, count, letters: isWorthReading ? await readLetters(queue.url, stateTable, most) : [] };
    }),
  );
  let left = most;
  const found = read.map(({ queue, count, letters }): Found => {
    const shown = letters.slice(0, left);
    left -= shown.length;
    return { queue, letters: shown, inAll: Math.max(letters.length, count) };
  });
  if (options.json) {
    for (const { queue, letters } of found)
      for (const letter of letters)
        process.stdout.write(`${JSON.stringify({ queue: queue.name, ...letter })}\n`);
    return;
  }
  process.stdout.write(describe(found, place, options.body === true));
}

/** What a queue showed, and about how many letters it holds. */
type Found = {
  readonly queue: DeadLetterQueue;
  readonly letters: readonly Letter[];
  readonly inAll: number;
};

/** Some of the dead letters, at most so many; none is hidden from others. */
export async function readLetters(
  deadLetterUrl: string,
  tableName: string | undefined,
  limit: number,
): Promise<readonly Letter[]> {
  const stateTable = tableName ? createStateTable(tableName, systemClock, Math.random) : undefined;
  const messages = await look(deadLetterUrl, limit);
  return Promise.all(messages.map((message) => readLetter(message, stateTable)));
}

async function look(deadLetterUrl: string, limit: number): Promise<readonly Message[]> {
  const seen = new Map<string, Message>();
  for (let vain = 0; vain < emptyReceives && seen.size < limit; ) {
    const before = seen.size;
    for (const message of await receiveMessages(deadLetterUrl, 0, 1))
      seen.set(message.MessageId ?? '', message);
    vain = seen.size === before ? vain + 1 : 0;
  }
  return [...seen.values()].slice(0, limit);
}

async function readLetter(message: Message, stateTable: StateTable | undefined): Promise<Letter> {
  const { Body = '', MessageId = '', MessageAttributes = {}, Attributes = {} } = message;
  const text = (name: string) => MessageAttributes[name]?.StringValue;
  const [remembered] =
    text('ErrorCode') === undefined && stateTable
      ? await recallReasons(Body, stateTable, readConfig().deployment)
      : [];
  const attempts = text('Attempts');
  return {
    messageId: MessageId,
    // As the queue reads it; a letter has the id of its message as an attribute, too.
    key: keyInBody(Body) ?? text(keyAttribute) ?? remembered?.key ?? MessageId,
    code: text('ErrorCode') ?? remembered?.code ?? 'UNKNOWN',
    reason: text('ErrorMessage'),
    attempts: attempts === undefined ? undefined : Number(attempts),
    requestId: text('RequestId'),
    sentAt: Attributes.SentTimestamp && new Date(Number(Attributes.SentTimestamp)).toISOString(),
    body: Body,
  };
}

function keyInBody(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    const key = typeof parsed === 'object' && parsed !== null && 'key' in parsed ? parsed.key : undefined;
    return typeof key === 'string' && key.trim() !== '' ? key : undefined;
  } catch {
    // Its reason says so.
    return undefined;
  }
}

function describe(found: readonly Found[], place: string, withBody: boolean): string {
  const some = found.filter(({ inAll }) => inAll > 0);
  if (some.length === 0) return `No dead letters in ${place}.\n`;
  const lines = some.flatMap((one) =>
    describeQueue(one, some.length > 1 ? `, ${one.queue.name}` : '', place, withBody),
  );
  const isMovable = place === 'AWS' || some.some(({ queue }) => queue.queueUrl !== '');
  const advice = isMovable ? [`Once the cause is gone: ${typed('redrive', '--dry-run')}`] : [];
  return `${[...lines, ...advice].join('\n')}\n`;
}

function describeQueue(
  { letters, inAll }: Found,
  queue: string,
  place: string,
  withBody: boolean,
): readonly string[] {
  const codes = Map.groupBy(letters, ({ code }) => code);
  const counts = [...codes].map(([code, { length }]) => `${length} ${code}`).join(', ');
  const more = inAll > letters.length ? `, of about ${inAll}` : '';
  const lines = letters.flatMap(({ key, code, reason, attempts, body }) => [
    `  ${plain(key)}  ${code}${attempts === undefined ? '' : `  after ${counted(attempts, 'receive')}`}`,
    ...(reason === undefined ? [] : [`    ${plain(reason)}`]),
    ...(withBody ? [`    ${plain(body)}`] : []),
  ]);
  return [`${counted(letters.length, 'dead letter')} in ${place}${queue}${more}: ${counts}`, ...lines];
}
