import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { AwsError } from '../aws-error.ts';
import type { Clock } from '../clock.ts';
import { inTransaction, openDatabase } from '../database.ts';
import type { IdOf } from '../iam/access-control.ts';
import { DeduplicationTable } from './deduplication-table.ts';
import { type Message, MessageTable } from './message-table.ts';
import { type Queue, QueueTable } from './queue-table.ts';

/** A message is visible from `visible_ms` on; one in flight lies in the future and has a receipt. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS queue (
    name TEXT PRIMARY KEY, attributes TEXT NOT NULL, created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, queue TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
    trace_header TEXT, group_id TEXT, deduplication_id TEXT, sent_ms INTEGER NOT NULL, first_receive_ms INTEGER,
    receive_count INTEGER NOT NULL DEFAULT 0, visible_ms INTEGER NOT NULL, receipt TEXT UNIQUE, source_arn TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS message_by_visibility ON message (queue, visible_ms, seq);
  CREATE INDEX IF NOT EXISTS message_by_group ON message (queue, group_id, visible_ms) WHERE group_id IS NOT NULL;
  CREATE TABLE IF NOT EXISTS deduplication (
    queue TEXT NOT NULL, id TEXT NOT NULL, message_id TEXT NOT NULL, seq INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    PRIMARY KEY (queue, id)
  ) STRICT;
`;

/** Lets receivers of a queue sleep until something comes. */
export class Arrivals {
  readonly #waiting = new Map<string, Set<AbortController>>();

  /** Returns when the queue is notified, the time is over, or the signal aborts. */
  async wait(queueName: string, ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    const arrival = new AbortController();
    const waiting = this.#waiting.get(queueName) ?? new Set();
    this.#waiting.set(queueName, waiting.add(arrival));
    const ended = AbortSignal.any([signal, arrival.signal]);
    try {
      await clock.sleep(ms, ended);
    } catch (error) {
      if (!ended.aborted) throw error;
    } finally {
      waiting.delete(arrival);
    }
  }

  notify(queueName: string): void {
    for (const arrival of this.#waiting.get(queueName) ?? []) arrival.abort();
  }
}

/** How a receive call was asked for; times in seconds, as in the API. */
export type ReceiveOptions = {
  readonly most: number;
  readonly waitSeconds: number;
  /** @default the queue's own */
  readonly visibilitySeconds?: number | undefined;
};

/** A message in flight: its receipt is the way to delete it or to give it back. */
export type ReceivedMessage = Message & { readonly receipt: string };

const RECEIPT = /^AQEB[A-Za-z0-9+/]{44}$/;
const RETENTION_SWEEP_MS = 60_000;

/** Everything that SQS holds. */
export class SqsState {
  readonly clock: Clock;
  readonly queues: QueueTable;
  readonly messages: MessageTable;
  readonly deduplication: DeduplicationTable;
  readonly #database: DatabaseSync;
  readonly #arrivals = new Arrivals();
  readonly #sweptMs = new Map<string, number>();

  constructor(databaseFile: string, clock: Clock) {
    this.clock = clock;
    this.#database = openDatabase(databaseFile, TABLES);
    this.queues = new QueueTable(this.#database);
    this.messages = new MessageTable(this.#database);
    this.deduplication = new DeduplicationTable(this.#database);
  }

  /**
   * Takes up to `most` messages, and waits for the first as long as asked. A caller that has gone (`signal`) is given
   * none: messages that will not be read stay visible.
   */
  async receive(queue: Queue, options: ReceiveOptions, signal: AbortSignal): Promise<ReceivedMessage[]> {
    const untilMs = this.clock.now() + options.waitSeconds * 1000;
    while (!signal.aborted) {
      // Looked up each time: its attributes may have been changed during a long poll.
      const taken = this.#take(this.queues.find(queue.name) ?? queue, options);
      const nowMs = this.clock.now();
      if (taken.length > 0 || nowMs >= untilMs) return taken;
      const nextMs = Math.min(untilMs, this.messages.nextVisibleMs(queue.name, nowMs) ?? untilMs);
      await this.#arrivals.wait(queue.name, nextMs - nowMs, this.clock, signal);
    }
    return [];
  }

  /** Wakes waiting receivers, as there may be something for them. */
  wake(queueName: string): void {
    this.#arrivals.notify(queueName);
  }

  /** @throws {AwsError} ReceiptHandleIsInvalid for what never was a receipt handle */
  byReceipt(queue: Queue, receipt: string): Message | undefined {
    if (!RECEIPT.test(receipt)) {
      throw new AwsError('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');
    }
    const message = this.messages.byReceipt(receipt);
    return message?.queue === queue.name ? message : undefined;
  }

  transaction<T>(work: () => T): T {
    return inTransaction(this.#database, work);
  }

  close(): void {
    this.#database.close();
  }

  #take(queue: Queue, options: ReceiveOptions): ReceivedMessage[] {
    const nowMs = this.clock.now();
    this.#sweepExpired(queue, nowMs);
    return this.transaction(() => {
      const taken: ReceivedMessage[] = [];
      while (taken.length < options.most) {
        const message = this.#next(queue, nowMs, taken);
        if (!message) break;
        if (!this.#isExhausted(queue, message, nowMs))
          taken.push(this.#takeOne(queue, message, options, nowMs));
      }
      return taken;
    });
  }

  #next(queue: Queue, nowMs: number, taken: readonly Message[]): Message | undefined {
    if (!queue.settings.FifoQueue) return this.messages.nextStandard(queue.name, nowMs);
    const ownGroups = taken.flatMap(({ groupId }) => (groupId === null ? [] : [groupId]));
    return this.messages.nextFifo(queue.name, nowMs, ownGroups);
  }

  #takeOne(queue: Queue, message: Message, options: ReceiveOptions, nowMs: number): ReceivedMessage {
    const seconds = options.visibilitySeconds ?? queue.settings.VisibilityTimeout;
    const receipt = `AQEB${randomBytes(33).toString('base64')}`;
    // Even with a timeout of 0 a receive takes a message once.
    const visibleMs = nowMs + Math.max(1, seconds * 1000);
    this.messages.take(message, receipt, nowMs, visibleMs);
    return {
      ...message,
      receipt,
      visibleMs,
      receiveCount: message.receiveCount + 1,
      firstReceiveMs: message.firstReceiveMs ?? nowMs,
    };
  }

  /** A message that was received often enough goes to the dead-letter queue instead. */
  #isExhausted(queue: Queue, message: Message, nowMs: number): boolean {
    const policy = queue.settings.RedrivePolicy;
    if (!policy || message.receiveCount < policy.maxReceiveCount) return false;
    const target = this.queues.findByArn(policy.deadLetterTargetArn);
    if (!target) return false;
    this.messages.moveToDeadLetters(message, target.name, queue.arn, nowMs);
    this.wake(target.name);
    return true;
  }

  #sweepExpired(queue: Queue, nowMs: number): void {
    if (nowMs - (this.#sweptMs.get(queue.name) ?? 0) < RETENTION_SWEEP_MS) return;
    this.#sweptMs.set(queue.name, nowMs);
    this.messages.deleteSentBefore(queue.name, nowMs - queue.settings.MessageRetentionPeriod * 1000);
  }
}

/** What the actions work on. */
export type SqsService = {
  readonly state: SqsState;
  /** `http://127.0.0.1:<port>/<account>/<name>`: a URL that resolves on every machine. */
  queueUrl(name: string): string;
  readonly idOf: IdOf;
};
