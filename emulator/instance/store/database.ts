import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import type { Schema } from '../schema/schema.ts';
import type { Column } from '../schema/table.ts';
import { quoted } from './sql.ts';

const keptStatements = 500;

const numericTypes: Partial<Record<Column['kind'], SqlType>> = {
  integer: 'INTEGER',
  boolean: 'INTEGER',
  decimal: 'REAL',
  currency: 'REAL',
};

type SqlType = 'INTEGER' | 'REAL' | 'TEXT';

/** A column as its SQL table holds it. Without a type it keeps numbers and text as they come, for classes that differ. */
type StoredColumn = Column & { readonly sqlType: SqlType | '' };

const sqlTypeOf = (column: Column): SqlType => numericTypes[column.kind] ?? 'TEXT';

/** A stand-in may lose its last writes when the machine dies; it must not wait for the disk. */
const unhurriedDisk = 'PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;';

const exact = new Set<Column['kind']>(['guid', 'reference', 'document_id', 'class_name']);

/** One SQLite database with a table per hierarchy and a cache of prepared statements. */
export class Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #arrayStatements = new Map<string, StatementSync>();
  readonly #caseSensitive: boolean;

  /**
   * @param location a file path, or `:memory:`.
   * @param image what `image` returned: the database begins as a copy of that one, with its tables.
   * @throws Error naming the file when it cannot be opened, or is no database.
   */
  constructor(location: string, options: { caseSensitiveText: boolean }, image?: Uint8Array) {
    this.#connection = open(location);
    if (image) {
      this.#connection.deserialize(image);
      this.exec(unhurriedDisk);
    }
    this.#caseSensitive = options.caseSensitiveText;
    this.#connection.function('shuffled', { deterministic: true }, shuffled);
    this.#connection.function('number_text', { deterministic: true }, (number) => String(number));
  }

  /** The prepared statement for this SQL; its rows are objects. */
  prepare(sql: string): StatementSync {
    return kept(this.#statements, sql, () => this.#connection.prepare(sql));
  }

  /** The prepared statement for this SQL; its rows are arrays, which is the quicker way to read many. */
  prepareArrays(sql: string): { all(...params: SQLInputValue[]): unknown[][] } {
    const statement = kept(this.#arrayStatements, sql, () => {
      const fresh = this.#connection.prepare(sql);
      fresh.setReturnArrays(true);
      return fresh;
    });
    return { all: (...params) => statement.all(...params).map((row) => (Array.isArray(row) ? row : [])) };
  }

  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  /** The whole database, for others to begin with; undefined before Node 24.16. */
  image(): Uint8Array | undefined {
    return 'serialize' in this.#connection ? this.#connection.serialize() : undefined;
  }

  /** Creates the SQL tables of the schema, and adds columns that an older file lacks. */
  create(schema: Schema): void {
    const storages = new Map<string, Map<string, StoredColumn>>();
    for (const table of schema.tables()) {
      const columns = storages.get(schema.storage(table.name)) ?? new Map<string, StoredColumn>();
      storages.set(schema.storage(table.name), columns);
      for (const column of schema.columns(table.name)) {
        const known = columns.get(column.name);
        if (!known) columns.set(column.name, { ...column, sqlType: sqlTypeOf(column) });
        else if (known.sqlType !== sqlTypeOf(column)) columns.set(column.name, { ...known, sqlType: '' });
      }
    }
    const present = this.#present();
    this.exec('BEGIN');
    for (const [name, columns] of storages) {
      if (!schema.isView(name)) this.#createTable(name, [...columns.values()], present.get(name));
    }
    for (const name of storages.keys()) if (schema.isView(name)) this.#createView(schema, name);
    this.exec('COMMIT');
  }

  /** The columns of each table that the file has already. */
  #present(): ReadonlyMap<string, ReadonlySet<unknown>> {
    const sql =
      "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'";
    const tables = Map.groupBy(this.prepareArrays(sql).all(), ([table]) => String(table));
    return new Map([...tables].map(([table, rows]) => [table, new Set(rows.map(([, column]) => column))]));
  }

  /** Replaced at every start: there may be more tables to look at than there were. A view has no rowid of its own. */
  #createView(schema: Schema, name: string): void {
    const columns = schema.columns(name).map((column) => quoted(column.name));
    const parts = schema
      .descendants(name)
      .filter((table) => table !== name)
      .map((table) => `SELECT sys_id AS rowid, ${columns.join(', ')} FROM ${quoted(table)}`);
    const [kind] = this.#connection.prepare('SELECT type FROM sqlite_master WHERE name = ?').all(name);
    if (kind) this.exec(`DROP ${kind['type'] === 'view' ? 'VIEW' : 'TABLE'} ${quoted(name)}`);
    this.exec(`CREATE VIEW ${quoted(name)} AS ${parts.join(' UNION ALL ')}`);
  }

  #createTable(
    name: string,
    columns: readonly StoredColumn[],
    present: ReadonlySet<unknown> | undefined,
  ): void {
    const definitions = columns.map((column) => this.#define(column));
    if (!present) this.exec(`CREATE TABLE ${quoted(name)} (${definitions.join(', ')})`);
    for (const column of columns) {
      if (!present || present.has(column.name)) continue;
      this.exec(`ALTER TABLE ${quoted(name)} ADD COLUMN ${this.#define(column)}`);
    }
    if (columns.some((column) => column.name === 'sys_class_name')) {
      this.exec(
        `CREATE INDEX IF NOT EXISTS ${quoted(`${name}_class`)} ON ${quoted(name)} (sys_class_name, sys_id)`,
      );
    }
    for (const column of columns) if (column.unique || column.indexed) this.#createIndex(name, column);
  }

  #createIndex(table: string, column: Column): void {
    const kind = column.unique ? 'UNIQUE INDEX' : 'INDEX';
    const name = quoted(`${table}_${column.name}`);
    this.exec(`CREATE ${kind} IF NOT EXISTS ${name} ON ${quoted(table)} (${quoted(column.name)})`);
  }

  #define(column: StoredColumn): string {
    const type = column.sqlType;
    const isText = type === '' || (type === 'TEXT' && !exact.has(column.kind));
    const collation = isText && !this.#caseSensitive ? ' COLLATE NOCASE' : '';
    return `${quoted(column.name)} ${type}${collation}${column.name === 'sys_id' ? ' PRIMARY KEY' : ''}`;
  }

  close(): void {
    this.#statements.clear();
    this.#arrayStatements.clear();
    this.#connection.close();
  }
}

function open(location: string): DatabaseSync {
  try {
    const connection = new DatabaseSync(location);
    connection.exec(`PRAGMA journal_mode = WAL; ${unhurriedDisk}`);
    return connection;
  } catch (cause) {
    throw new Error(`${location}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** A place for the text in an order that the seed decides (FNV-1a, mixed). */
function shuffled(text: SQLOutputValue, seed: SQLOutputValue): number {
  let hash = (0x811c9dc5 ^ Number(seed)) >>> 0;
  for (const character of String(text)) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  return (hash ^ (hash >>> 13)) >>> 0;
}

function kept(
  statements: Map<string, StatementSync>,
  sql: string,
  prepare: () => StatementSync,
): StatementSync {
  const known = statements.get(sql);
  if (known) return known;
  const statement = prepare();
  statements.set(sql, statement);
  if (statements.size > keptStatements) {
    const [oldest] = statements.keys();
    if (oldest !== undefined) statements.delete(oldest);
  }
  return statement;
}
