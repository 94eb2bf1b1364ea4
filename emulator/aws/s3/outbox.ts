import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { cachedStatements } from '../database.ts';

const Row = z.object({ seq: z.number(), queue_arn: z.string(), body: z.string() });

/** Hands one message to a queue. */
export type Deliver = (queueArn: string, body: string) => void;

/**
 * Events wait here in the same transaction as the change that they tell of, so that a stop between the two loses none.
 * They are delivered at least once, as at AWS.
 */
export class Outbox {
  readonly #statement: (sql: string) => StatementSync;
  readonly #deliver: Deliver;

  constructor(database: DatabaseSync, deliver: Deliver) {
    this.#statement = cachedStatements(database);
    this.#deliver = deliver;
  }

  add(queueArn: string, body: string): void {
    this.#statement('INSERT INTO outbox VALUES (NULL, ?, ?)').run(queueArn, body);
  }

  /** Delivers all that waits, oldest first. */
  flush(): void {
    for (const row of this.#statement('SELECT * FROM outbox ORDER BY seq').all()) {
      const { seq, queue_arn, body } = Row.parse(row);
      this.#deliver(queue_arn, body);
      this.#statement('DELETE FROM outbox WHERE seq = ?').run(seq);
    }
  }
}
