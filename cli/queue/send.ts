import { randomUUID } from 'node:crypto';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { InvalidInputError } from '../../lib/core/errors.ts';
import { readCommand } from '../../lib/record-queue/message.ts';
import { UsageError } from '../command-line.ts';
import { counted } from '../counted.ts';
import { explainError } from '../explain-error.ts';
import { readText } from '../read-text.ts';
import { findRecordsQueues, type QueueOptions } from './records-queues.ts';

type SendOptions = Pick<QueueOptions, 'queue' | 'stack' | 'stackName' | 'region'> & {
  readonly group?: string | undefined;
  readonly json?: boolean | undefined;
};

/**
 * Checks messages and sends them, one after the other. Where SQS refuses one, it prints the ids of those before it all the same.
 * @throws InvalidInputError naming the field of the first message that could never be written; then nothing is sent
 */
export async function runSend(source: string, options: SendOptions): Promise<void> {
  const bodies = await readBodies(source);
  if (bodies.length === 0) throw new UsageError('There is no message to send');
  for (const [index, body] of bodies.entries()) check(body, index, bodies.length);
  const { queueUrl, place } = await findRecordsQueues(options, process.env);
  if (queueUrl === '') throw new UsageError('--queue is needed');
  if (queueUrl.endsWith('.fifo') && options.group === undefined)
    throw new UsageError('--group <id> is needed for a FIFO queue');
  const ids: string[] = [];
  const failure = await sendAll(bodies, queueUrl, options.group, ids).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const shown = failure ? ids.length : 5;
  if (ids.length > 0)
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ queueUrl, messageIds: ids })}\n`
        : `${counted(ids.length, 'message')} sent to ${place}: ${ids.slice(0, shown).join(', ')}${ids.length > shown ? ', …' : ''}\n`,
    );
  if (failure && bodies.length === 1) throw failure.error;
  if (failure)
    throw new Error(
      `${ids.length} of ${bodies.length} messages sent; message ${ids.length + 1}: ${explainError(failure.error)}`,
      { cause: failure.error },
    );
}

/** @param ids gets the id of each message that SQS took */
async function sendAll(
  bodies: readonly string[],
  QueueUrl: string,
  group: string | undefined,
  ids: string[],
): Promise<void> {
  const sqs = new SQSClient({ maxAttempts: 3 });
  for (const MessageBody of bodies) {
    const fifo = group !== undefined && {
      MessageGroupId: group,
      MessageDeduplicationId: randomUUID(),
    };
    const sent = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...fifo }));
    ids.push(sent.MessageId ?? '');
  }
  sqs.destroy();
}

async function readBodies(source: string): Promise<readonly string[]> {
  const given = source.trim();
  if (given.startsWith('{') || (given.startsWith('[') && isJson(given))) return [given];
  const content = await readText(given === '-' ? '-' : source);
  if (!given.endsWith('.jsonl') && isJson(content)) return [content.trim()];
  return content.split('\n').flatMap((line) => line.trim() || []);
}

function isJson(content: string): boolean {
  try {
    JSON.parse(content);
    return true;
  } catch {
    // One message a line, or a mistake that the check names.
    return false;
  }
}

/** What SQS takes. */
const maxBytes = 1_048_576;

/** As SQS and the function would read it. */
function check(body: string, index: number, count: number): void {
  const message = {
    body,
    messageId: 'unsent',
    receiptHandle: '',
    receiveCount: 1,
    sentAtMs: 0,
    firstReceivedAtMs: 0,
    attributes: {},
    groupId: undefined,
    isFifo: false,
  };
  try {
    if (Buffer.byteLength(body) > maxBytes)
      throw new InvalidInputError('body', `must not exceed ${maxBytes} bytes, the limit of SQS`);
    readCommand(message);
  } catch (error) {
    if (count === 1 || !(error instanceof Error)) throw error;
    throw new Error(`message ${index + 1}: ${error.message}`, { cause: error });
  }
}
