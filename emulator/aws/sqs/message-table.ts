import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { cachedStatements, ensureColumn } from '../database.ts';
import { MessageAttributes } from './message-attributes.ts';

const Row = z
  .object({
    seq: z.number(),
    id: z.string(),
    queue: z.string(),
    body: z.string(),
    attributes: z.string(),
    trace_header: z.string().nullable(),
    group_id: z.string().nullable(),
    deduplication_id: z.string().nullable(),
    sent_ms: z.number(),
    first_receive_ms: z.number().nullable(),
    received_ms: z.number().nullable(),
    receive_count: z.number(),
    visible_ms: z.number(),
    receipt: z.string().nullable(),
    source_arn: z.string().nullable(),
    sender: z.string().nullable(),
  })
  .transform((row) => ({
    seq: row.seq,
    id: row.id,
    queue: row.queue,
    body: row.body,
    attributes: MessageAttributes.parse(JSON.parse(row.attributes)),
    traceHeader: row.trace_header,
    groupId: row.group_id,
    deduplicationId: row.deduplication_id,
    sentMs: row.sent_ms,
    firstReceiveMs: row.first_receive_ms,
    /** When it was received last. */
    receivedMs: row.received_ms,
    receiveCount: row.receive_count,
    visibleMs: row.visible_ms,
    receipt: row.receipt,
    /** The queue it failed in, for a message in a dead-letter queue. */
    sourceArn: row.source_arn,
    /** Not kept by earlier versions. */
    sender: row.sender,
  }));

export type Message = z.output<typeof Row>;
export type NewMessage = Pick<
  Message,
  | 'id'
  | 'queue'
  | 'body'
  | 'attributes'
  | 'traceHeader'
  | 'groupId'
  | 'deduplicationId'
  | 'sender'
  | 'sentMs'
  | 'visibleMs'
>;
/** How many messages can be had now, are in flight, and wait for their delay. */
export type Counts = { readonly visible: number; readonly inFlight: number; readonly delayed: number };
const CountsRow = z.object({ visible: z.number(), inFlight: z.number(), delayed: z.number() });
const NextRow = z.object({ next: z.number().nullable() });

/** The messages of all queues, as SQL. */
export class MessageTable {
  readonly #sql: (sql: string) => StatementSync;

  constructor(database: DatabaseSync) {
    ensureColumn(database, 'message', 'received_ms', 'INTEGER');
    ensureColumn(database, 'message', 'sender', 'TEXT');
    this.#sql = cachedStatements(database);
  }

  /** @returns the place in the order of all messages */
  insert(message: NewMessage): number {
    const { lastInsertRowid } = this.#sql(
      `INSERT INTO message (id, queue, body, attributes, trace_header, group_id, deduplication_id, sender, sent_ms, visible_ms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      message.id,
      message.queue,
      message.body,
      JSON.stringify(message.attributes),
      message.traceHeader,
      message.groupId,
      message.deduplicationId,
      message.sender,
      message.sentMs,
      message.visibleMs,
    );
    return Number(lastInsertRowid);
  }

  /** The next message of a standard queue. */
  nextStandard(queue: string, nowMs: number): Message | undefined {
    const row = this.#sql(
      'SELECT * FROM message WHERE queue = ? AND visible_ms <= ? ORDER BY visible_ms, seq LIMIT 1',
    ).get(queue, nowMs);
    return row && Row.parse(row);
  }

  /** The next message of a FIFO queue outside the groups that are locked by a message in flight, save those of this receive. */
  nextFifo(queue: string, nowMs: number, ownGroups: readonly string[]): Message | undefined {
    const row = this.#sql(
      `SELECT * FROM message AS m WHERE queue = :queue AND visible_ms <= :now
        AND (group_id IN (SELECT value FROM json_each(:own)) OR NOT EXISTS (
          SELECT 1 FROM message AS e WHERE e.queue = m.queue AND e.group_id = m.group_id AND e.visible_ms > :now))
        ORDER BY seq LIMIT 1`,
    ).get({ queue, now: nowMs, own: JSON.stringify(ownGroups) });
    return row && Row.parse(row);
  }

  /** The messages of a queue, newest first, without receiving them. */
  peek(queue: string, most: number): Message[] {
    return this.#sql('SELECT * FROM message WHERE queue = ? ORDER BY seq DESC LIMIT ?')
      .all(queue, most)
      .map((row) => Row.parse(row));
  }

  /** When the oldest message of a queue was sent, in milliseconds since the epoch; undefined when it is empty. */
  oldestSentMs(queue: string): number | undefined {
    const row = this.#sql('SELECT min(sent_ms) AS next FROM message WHERE queue = ?').get(queue);
    return NextRow.parse(row).next ?? undefined;
  }

  byReceipt(receipt: string): Message | undefined {
    const row = this.#sql('SELECT * FROM message WHERE receipt = ?').get(receipt);
    return row && Row.parse(row);
  }

  take(message: Message, receipt: string, nowMs: number, visibleMs: number): void {
    this.#sql(
      `UPDATE message SET receipt = ?, received_ms = ?, visible_ms = ?, receive_count = receive_count + 1,
        first_receive_ms = coalesce(first_receive_ms, ?) WHERE seq = ?`,
    ).run(receipt, nowMs, visibleMs, nowMs, message.seq);
  }

  setVisible(message: Message, visibleMs: number): void {
    this.#sql('UPDATE message SET visible_ms = ? WHERE seq = ?').run(visibleMs, message.seq);
  }

  /** The message keeps its id and the time it was sent; its receive count starts again. */
  moveToDeadLetters(message: Message, target: string, sourceArn: string, nowMs: number): void {
    this.#sql(
      `UPDATE message SET queue = ?, source_arn = ?, visible_ms = ?, receipt = NULL, receive_count = 0,
        first_receive_ms = NULL WHERE seq = ?`,
    ).run(target, sourceArn, nowMs, message.seq);
  }

  delete(message: Message): void {
    this.#sql('DELETE FROM message WHERE seq = ?').run(message.seq);
  }

  deleteSentBefore(queue: string, sentMs: number): void {
    this.#sql('DELETE FROM message WHERE queue = ? AND sent_ms < ?').run(queue, sentMs);
  }

  /** Makes all messages in flight visible at once. */
  releaseInFlight(queue: string, nowMs: number): void {
    this.#sql(
      'UPDATE message SET visible_ms = ? WHERE queue = ? AND receipt IS NOT NULL AND visible_ms > ?',
    ).run(nowMs, queue, nowMs);
  }

  purge(queue: string): void {
    this.#sql('DELETE FROM message WHERE queue = ?').run(queue);
  }

  /** When the next message that cannot be had now can be, in milliseconds since the epoch. */
  nextVisibleMs(queue: string, nowMs: number): number | undefined {
    const row = this.#sql(
      'SELECT min(visible_ms) AS next FROM message WHERE queue = ? AND visible_ms > ?',
    ).get(queue, nowMs);
    return NextRow.parse(row).next ?? undefined;
  }

  counts(queue: string, nowMs: number): Counts {
    const row = this.#sql(
      `SELECT count(*) FILTER (WHERE visible_ms <= :now) AS visible,
        count(*) FILTER (WHERE visible_ms > :now AND receipt IS NOT NULL) AS inFlight,
        count(*) FILTER (WHERE visible_ms > :now AND receipt IS NULL) AS delayed FROM message WHERE queue = :queue`,
    ).get({ queue, now: nowMs });
    return CountsRow.parse(row);
  }
}
