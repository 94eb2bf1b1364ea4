import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { type ErrorObject, type Operation, parseOperation } from './wire.ts';

const executionSchema = z.object({
  arn: z.string(),
  name: z.string(),
  functionArn: z.string(),
  status: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'STOPPED']),
  input: z.string(),
  /** Milliseconds since the epoch. */
  startedAtMs: z.number(),
  endedAtMs: z.number().nullable(),
  result: z.string().nullable(),
  error: z.string().nullable(),
  /** Which checkpoint comes next; every invocation and every checkpoint moves it on. */
  sequence: z.number(),
  /** 1 after an invocation that ended with PENDING. */
  suspended: z.number(),
});

/** One durable execution. */
export type Execution = z.infer<typeof executionSchema>;

const countsSchema = z.object({ operations: z.number(), bytes: z.number().nullable() });

/**
 * Executions and their operations in one SQLite file, which outlives the process that writes it. Every change of a checkpoint is
 * one transaction.
 */
export class ExecutionStore {
  readonly #db: DatabaseSync;

  /** @param file a path, or `:memory:` */
  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    this.#db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS execution (
        arn TEXT PRIMARY KEY, name TEXT NOT NULL, functionArn TEXT NOT NULL, status TEXT NOT NULL, input TEXT NOT NULL,
        startedAtMs INTEGER NOT NULL, endedAtMs INTEGER, result TEXT, error TEXT,
        sequence INTEGER NOT NULL DEFAULT 0, suspended INTEGER NOT NULL DEFAULT 0,
        UNIQUE (functionArn, name)
      ) STRICT;
      CREATE TABLE IF NOT EXISTS operation (
        position INTEGER PRIMARY KEY, arn TEXT NOT NULL, id TEXT NOT NULL,
        open INTEGER NOT NULL, bytes INTEGER NOT NULL, json TEXT NOT NULL,
        UNIQUE (arn, id)
      ) STRICT;
      CREATE INDEX IF NOT EXISTS operation_open ON operation (arn, open, bytes);
    `);
  }

  insert(execution: Pick<Execution, 'arn' | 'name' | 'functionArn' | 'input' | 'startedAtMs'>): void {
    const { arn, name, functionArn, input, startedAtMs } = execution;
    this.#db
      .prepare(
        `INSERT INTO execution (arn, name, functionArn, status, input, startedAtMs) VALUES (?, ?, ?, 'RUNNING', ?, ?)`,
      )
      .run(arn, name, functionArn, input, startedAtMs);
  }

  get(arn: string): Execution | undefined {
    return executionSchema
      .optional()
      .parse(this.#db.prepare('SELECT * FROM execution WHERE arn = ?').get(arn));
  }

  byName(functionArn: string, name: string): Execution | undefined {
    const row = this.#db
      .prepare('SELECT * FROM execution WHERE functionArn = ? AND name = ?')
      .get(functionArn, name);
    return executionSchema.optional().parse(row);
  }

  /** Newest first. */
  ofFunction(functionArn: string): Execution[] {
    const rows = this.#db
      .prepare('SELECT * FROM execution WHERE functionArn = ? ORDER BY startedAtMs DESC, rowid DESC')
      .all(functionArn);
    return z.array(executionSchema).parse(rows);
  }

  running(): Execution[] {
    const rows = this.#db
      .prepare(`SELECT * FROM execution WHERE status = 'RUNNING' ORDER BY startedAtMs`)
      .all();
    return z.array(executionSchema).parse(rows);
  }

  /** Moves the sequence on. @returns the new one */
  advance(arn: string): number {
    const row = this.#db
      .prepare('UPDATE execution SET sequence = sequence + 1 WHERE arn = ? RETURNING sequence')
      .get(arn);
    return z.object({ sequence: z.number() }).parse(row).sequence;
  }

  setSuspended(arn: string, suspended: boolean): void {
    this.#db.prepare('UPDATE execution SET suspended = ? WHERE arn = ?').run(suspended ? 1 : 0, arn);
  }

  /** Keeps a result that is too large to be answered; the end of the execution is another thing. */
  setResult(arn: string, result: string): void {
    this.#db.prepare('UPDATE execution SET result = ? WHERE arn = ?').run(result, arn);
  }

  /** Ends an execution that is running; one that has ended stays as it is. */
  end(
    arn: string,
    status: Exclude<Execution['status'], 'RUNNING'>,
    endedAtMs: number,
    outcome: { result?: string; error?: ErrorObject },
  ): void {
    this.#db
      .prepare(
        `UPDATE execution SET status = ?, endedAtMs = ?, result = coalesce(?, result), error = ?
         WHERE arn = ? AND status = 'RUNNING'`,
      )
      .run(
        status,
        endedAtMs,
        outcome.result ?? null,
        outcome.error === undefined ? null : JSON.stringify(outcome.error),
        arn,
      );
  }

  /** In the order in which they were started. */
  operations(arn: string): Operation[] {
    const rows = this.#db.prepare('SELECT json FROM operation WHERE arn = ? ORDER BY position').all(arn);
    return z
      .array(z.object({ json: z.string() }))
      .parse(rows)
      .map(({ json }) => parseOperation(json));
  }

  /** Those that have not ended. */
  openOperations(arn: string): Operation[] {
    const rows = this.#db
      .prepare('SELECT json FROM operation WHERE arn = ? AND open = 1 ORDER BY position')
      .all(arn);
    return z
      .array(z.object({ json: z.string() }))
      .parse(rows)
      .map(({ json }) => parseOperation(json));
  }

  operation(arn: string, id: string): Operation | undefined {
    const row = this.#db.prepare('SELECT json FROM operation WHERE arn = ? AND id = ?').get(arn, id);
    const found = z.object({ json: z.string() }).optional().parse(row);
    return found && parseOperation(found.json);
  }

  /** The execution that waits for a callback, and the operation that does. */
  callback(callbackId: string): { arn: string; operation: Operation } | undefined {
    const row = this.#db
      .prepare(
        `SELECT arn, json FROM operation WHERE open = 1 AND json_extract(json, '$.CallbackDetails.CallbackId') = ?`,
      )
      .get(callbackId);
    const found = z.object({ arn: z.string(), json: z.string() }).optional().parse(row);
    return found && { arn: found.arn, operation: parseOperation(found.json) };
  }

  put(arn: string, operations: Iterable<Operation>): void {
    const statement = this.#db.prepare(
      `INSERT INTO operation (arn, id, open, bytes, json) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (arn, id) DO UPDATE SET open = excluded.open, bytes = excluded.bytes, json = excluded.json`,
    );
    for (const operation of operations) {
      const json = JSON.stringify(operation);
      statement.run(arn, operation.Id, operation.EndTimestamp === undefined ? 1 : 0, json.length, json);
    }
  }

  /** How many operations an execution has and how many bytes they take. */
  counts(arn: string): { operations: number; bytes: number } {
    const row = this.#db
      .prepare('SELECT count(*) AS operations, sum(bytes) AS bytes FROM operation WHERE arn = ?')
      .get(arn);
    const { operations, bytes } = countsSchema.parse(row);
    return { operations, bytes: bytes ?? 0 };
  }

  /** All or nothing. */
  transaction<Result>(change: () => Result): Result {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = change();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}
