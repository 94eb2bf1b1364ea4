import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { cachedStatements, ensureColumn } from '../database.ts';

const Row = z.object({ seq: z.number(), queue_arn: z.string(), body: z.string() });
const Next = z.object({ due: z.number().nullable() });

/** Hands one message to a queue. */
export type Deliver = (queueArn: string, body: string) => void;

/**
 * Events wait here in the same transaction as the change that they report, so that a stop between the two loses none.
 * They are delivered at least once, as at AWS.
 */
export class Outbox {
  readonly #statement: (sql: string) => StatementSync;
  readonly #deliver: Deliver;

  constructor(database: DatabaseSync, deliver: Deliver) {
    ensureColumn(database, 'outbox', 'due_ms', 'INTEGER NOT NULL DEFAULT 0');
    this.#statement = cachedStatements(database);
    this.#deliver = deliver;
  }

  /** @param dueMs when it is delivered, in milliseconds since the epoch */
  add(queueArn: string, body: string, dueMs: number): void {
    this.#statement('INSERT INTO outbox (queue_arn, body, due_ms) VALUES (?, ?, ?)').run(
      queueArn,
      body,
      dueMs,
    );
  }

  /** Delivers all that is due, earliest first. @returns when the next one is due */
  flush(nowMs: number): number | undefined {
    for (const row of this.#statement('SELECT * FROM outbox WHERE due_ms <= ? ORDER BY due_ms, seq').all(
      nowMs,
    )) {
      const { seq, queue_arn, body } = Row.parse(row);
      this.#deliver(queue_arn, body);
      this.#statement('DELETE FROM outbox WHERE seq = ?').run(seq);
    }
    const next = this.#statement('SELECT min(due_ms) AS due FROM outbox').get();
    return Next.parse(next).due ?? undefined;
  }
}
