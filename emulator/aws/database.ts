import { chmodSync, closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { makeFolder } from './make-folder.ts';

/** Keeps the state in memory only. */
export const IN_MEMORY = ':memory:';

/**
 * Opens (and creates) a SQLite file with its tables; `IN_MEMORY` keeps nothing. Only its owner may read it, since queues and secrets hold
 * confidential data. SQLite gives the files next to it the same mode.
 */
export function openDatabase(file: string, schema: string): DatabaseSync {
  if (file !== IN_MEMORY) makePrivate(file);
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  database.exec(schema);
  return database;
}

function makePrivate(file: string): void {
  makeFolder(dirname(file));
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

/** Adds a column that a file of an earlier version lacks. */
export function ensureColumn(database: DatabaseSync, table: string, name: string, definition: string): void {
  const columns = database.prepare('SELECT name FROM pragma_table_info(?)').all(table);
  if (columns.some((column) => column['name'] === name)) return;
  database.exec(`ALTER TABLE ${table} ADD COLUMN ${name} ${definition}`);
}

/** Runs `work` whole or not at all. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  if (database.isTransaction) return work();
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

/** Prepares each statement once. */
export function cachedStatements(database: DatabaseSync): (sql: string) => StatementSync {
  const prepared = new Map<string, StatementSync>();
  return (sql) => {
    const statement = prepared.get(sql) ?? database.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  };
}
