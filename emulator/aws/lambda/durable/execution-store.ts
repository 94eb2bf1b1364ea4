import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { ensureColumn } from '../../database.ts';
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
  /** 1 while the execution waits and nothing has happened that it waits for. */
  suspended: z.number(),
  /** 1 when no caller waits for its result. */
  asynchronous: z.number(),
});

/** One durable execution. */
export type Execution = z.infer<typeof executionSchema>;

const usageSchema = z.object({ operations: z.number(), bytes: z.number() });

/** What an execution has used of AWS's limits. */
export type Usage = z.infer<typeof usageSchema>;

/** Columns that a file of an earlier version may lack. */
const laterColumns = {
  asynchronous: 'INTEGER NOT NULL DEFAULT 0',
  operations: 'INTEGER NOT NULL DEFAULT 1',
  bytes: 'INTEGER NOT NULL DEFAULT 0',
};

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
      CREATE TABLE IF NOT EXISTS callback (id TEXT PRIMARY KEY, arn TEXT NOT NULL, operation TEXT NOT NULL) STRICT;
    `);
    for (const [name, definition] of Object.entries(laterColumns))
      ensureColumn(this.#db, 'execution', name, definition);
  }

  insert(
    execution: Pick<Execution, 'arn' | 'name' | 'functionArn' | 'input' | 'startedAtMs' | 'asynchronous'>,
  ): void {
    const { arn, name, functionArn, input, startedAtMs, asynchronous } = execution;
    this.#db
      .prepare(
        `INSERT INTO execution (arn, name, functionArn, status, input, startedAtMs, asynchronous, bytes)
         VALUES (?, ?, ?, 'RUNNING', ?, ?, ?, ?)`,
      )
      .run(arn, name, functionArn, input, startedAtMs, asynchronous, Buffer.byteLength(input));
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

  /** The execution that a callback belongs to, and its operation. */
  callback(callbackId: string): { arn: string; operation: Operation } | undefined {
    const row = this.#db
      .prepare(
        `SELECT operation.arn, json FROM callback
         JOIN operation ON operation.arn = callback.arn AND operation.id = callback.operation WHERE callback.id = ?`,
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
      const callbackId = operation.CallbackDetails?.CallbackId;
      if (callbackId !== undefined)
        this.#db
          .prepare('INSERT OR IGNORE INTO callback (id, arn, operation) VALUES (?, ?, ?)')
          .run(callbackId, arn, operation.Id);
    }
  }

  /** Stores operations that something outside the function changed: a suspended execution has to be invoked then. */
  putFromOutside(arn: string, operations: Iterable<Operation>): void {
    this.transaction(() => {
      this.put(arn, operations);
      this.setSuspended(arn, false);
    });
  }

  /** Adds to what an execution has used. @returns all that it has used */
  addUsage(arn: string, { operations, bytes }: Usage): Usage {
    const row = this.#db
      .prepare(
        `UPDATE execution SET operations = operations + ?, bytes = bytes + ? WHERE arn = ? RETURNING operations, bytes`,
      )
      .get(operations, bytes, arn);
    return usageSchema.parse(row);
  }

  /** All or nothing. */
  transaction<Result>(change: () => Result): Result {
    if (this.#db.isTransaction) return change();
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
