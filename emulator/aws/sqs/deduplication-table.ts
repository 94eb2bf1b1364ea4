import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { cachedStatements } from '../database.ts';

const WINDOW_MS = 5 * 60 * 1000;
const Row = z.object({ message_id: z.string(), seq: z.number() });

/** The message that was sent first with a deduplication id. */
export type Original = { readonly messageId: string; readonly seq: number };

/** What a FIFO queue was sent within five minutes. */
export class DeduplicationTable {
  readonly #sql: (sql: string) => StatementSync;

  constructor(database: DatabaseSync) {
    this.#sql = cachedStatements(database);
  }

  find(queue: string, id: string, nowMs: number): Original | undefined {
    const row = this.#sql(
      'SELECT message_id, seq FROM deduplication WHERE queue = ? AND id = ? AND until_ms > ?',
    ).get(queue, id, nowMs);
    if (!row) return undefined;
    const { message_id, seq } = Row.parse(row);
    return { messageId: message_id, seq };
  }

  remember(queue: string, id: string, original: Original, nowMs: number): void {
    this.#sql('DELETE FROM deduplication WHERE until_ms <= ?').run(nowMs);
    this.#sql('INSERT OR REPLACE INTO deduplication VALUES (?, ?, ?, ?, ?)').run(
      queue,
      id,
      original.messageId,
      original.seq,
      nowMs + WINDOW_MS,
    );
  }
}
