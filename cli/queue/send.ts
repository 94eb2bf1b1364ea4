import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { readCommand } from '../../lib/record-queue/message.ts';
import { UsageError } from '../command-line.ts';
import { counted } from '../counted.ts';
import { findRecordsQueues, type QueueOptions } from './records-queues.ts';

type SendOptions = Pick<QueueOptions, 'queue' | 'stack'> & {
  readonly group?: string | undefined;
  readonly json?: boolean | undefined;
};

/**
 * Checks messages and sends them, one after the other.
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
  const sqs = new SQSClient({ maxAttempts: 3 });
  const ids: string[] = [];
  for (const body of bodies) {
    const fifo = options.group !== undefined && {
      MessageGroupId: options.group,
      MessageDeduplicationId: randomUUID(),
    };
    const sent = await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, ...fifo }));
    ids.push(sent.MessageId ?? '');
  }
  sqs.destroy();
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ queueUrl, messageIds: ids })}\n`
      : `${counted(ids.length, 'message')} sent to ${place}: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}\n`,
  );
}

async function readBodies(source: string): Promise<readonly string[]> {
  const given = source.trim();
  if (given.startsWith('{')) return [given];
  const content = given === '-' ? await text(process.stdin) : await readFile(source, 'utf8');
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

/** As the function would read it. */
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
    readCommand(message);
  } catch (error) {
    if (count === 1 || !(error instanceof Error)) throw error;
    throw new Error(`message ${index + 1}: ${error.message}`, { cause: error });
  }
}
