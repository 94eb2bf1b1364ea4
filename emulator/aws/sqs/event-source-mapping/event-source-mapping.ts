import type { SQSEvent } from 'aws-lambda';
import { type Log, silentLog } from '../../log.ts';
import type { Queue } from '../queue-table.ts';
import { changeVisibility, deleteReceived } from '../receipts.ts';
import type { ReceivedMessage, SqsState } from '../state.ts';
import { unfinishedIds } from './batch-item-failures.ts';
import { sqsEvent } from './sqs-event.ts';

const LONG_POLL_SECONDS = 20;
const MOST_PER_RECEIVE = 10;
const MOST_EVENT_BYTES = 6_000_000;
/** What Lambda starts with when no maximum is set. */
const DEFAULT_POLLERS = 5;

/** What came of an invocation: `functionError` when the handler threw, died or ran out of time. */
export type Outcome = { readonly payload: Buffer; readonly functionError?: string };
/** Invokes a function by its ARN. */
type Invoke = (functionArn: string, event: SQSEvent) => Promise<Outcome>;

export type EventSourceMappingOptions = {
  readonly state: SqsState;
  readonly queue: Queue;
  readonly functionArn: string;
  readonly invoke: Invoke;
  readonly batchSize: number;
  /** How long a batch may wait to fill up. @default 0 */
  readonly batchingWindowSeconds?: number;
  /** Without it a batch is done or not done as a whole. */
  readonly reportBatchItemFailures: boolean;
  /** Invocations at once, at most. @default 5 */
  readonly maximumConcurrency?: number;
  readonly log?: Log;
};

export type EventSourceMapping = {
  /** Takes no more messages; resolves when the running invocations have ended. */
  stop(): Promise<void>;
};

/**
 * Feeds a function from a queue as Lambda does: finished messages are deleted, all others come back after their
 * visibility timeout, and go to the dead-letter queue when the queue says so.
 */
export function startEventSourceMapping(options: EventSourceMappingOptions): EventSourceMapping {
  const stopping = new AbortController();
  const count = options.maximumConcurrency ?? DEFAULT_POLLERS;
  const pollers = Array.from({ length: count }, () => poll(options, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(pollers);
    },
  };
}

async function poll(options: EventSourceMappingOptions, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    const batch = await collect(options, stopping);
    for (const part of splitBySize(batch)) {
      if (stopping.aborted) giveBack(options, part);
      else await deliver(options, part);
    }
  }
}

/** Waits for a first message, then for more until the batch is full or its window is over. */
async function collect(
  options: EventSourceMappingOptions,
  stopping: AbortSignal,
): Promise<ReceivedMessage[]> {
  const { state, batchSize } = options;
  const batch = await receive(options, batchSize, LONG_POLL_SECONDS, stopping);
  const untilMs = state.clock.now() + (options.batchingWindowSeconds ?? 0) * 1000;
  while (batch.length > 0 && batch.length < batchSize && state.clock.now() < untilMs && !stopping.aborted) {
    const leftSeconds = (untilMs - state.clock.now()) / 1000;
    batch.push(...(await receive(options, batchSize - batch.length, leftSeconds, stopping)));
  }
  return batch;
}

function receive(
  { state, queue }: EventSourceMappingOptions,
  most: number,
  waitSeconds: number,
  stopping: AbortSignal,
): Promise<ReceivedMessage[]> {
  // Looked up each time: the visibility timeout may have been changed since.
  const current = state.queues.find(queue.name) ?? queue;
  return state.receive(current, { most: Math.min(most, MOST_PER_RECEIVE), waitSeconds }, stopping);
}

async function deliver(options: EventSourceMappingOptions, batch: readonly ReceivedMessage[]): Promise<void> {
  const { queue, functionArn, log = silentLog } = options;
  const event = sqsEvent(queue, batch);
  const outcome = await options.invoke(functionArn, event).catch((error: unknown) => failed(error));
  if (outcome.functionError !== undefined) {
    log.warn('batch-failed', { functionArn, messages: batch.length, reason: outcome.functionError });
    return;
  }
  const unfinished = options.reportBatchItemFailures
    ? unfinishedIds(
        outcome.payload,
        batch.map(({ id }) => id),
      )
    : new Set<string>();
  if (unfinished === 'all') {
    log.warn('batch-answer-unusable', { functionArn, messages: batch.length });
    return;
  }
  deleteFinished(
    options,
    batch.filter(({ id }) => !unfinished.has(id)),
  );
}

function deleteFinished(
  { state, queue, log = silentLog }: EventSourceMappingOptions,
  done: readonly ReceivedMessage[],
): void {
  for (const { id, receipt } of done) {
    try {
      deleteReceived(state, queue, receipt);
    } catch (error) {
      // Its visibility timeout is over: the message comes again, as at AWS.
      log.warn('message-not-deleted', { messageId: id, reason: String(error) });
    }
  }
}

function giveBack({ state, queue }: EventSourceMappingOptions, batch: readonly ReceivedMessage[]): void {
  for (const { receipt } of batch) changeVisibility(state, queue, receipt, 0);
}

function failed(error: unknown): Outcome {
  return { payload: Buffer.alloc(0), functionError: String(error) };
}

/** An event has an upper size; a batch of large messages goes in several. */
function splitBySize(batch: readonly ReceivedMessage[]): ReceivedMessage[][] {
  const parts: ReceivedMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of batch) {
    const size = Buffer.byteLength(JSON.stringify(message));
    if (bytes + size > MOST_EVENT_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(message);
    bytes += size;
  }
  return parts;
}
