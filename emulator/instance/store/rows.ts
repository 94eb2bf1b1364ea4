import type { SQLInputValue } from 'node:sqlite';
import type { Row, Selection } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import type { Column } from '../schema/table.ts';
import type { Switches } from '../switches.ts';
import { withinChoices } from './compose.ts';
import type { Database } from './database.ts';
import { decode, encode } from './encode.ts';
import type { History } from './history.ts';
import { DuplicateKey, UniqueKeyViolation } from './refusals.ts';
import { objectSql, quoted, valueParts } from './sql.ts';

const asGiven = (_column: Column, text: string) => text;

const rowsPerSlice = 10_000;

type RowSwitches = Pick<
  Switches,
  'truncateLongText' | 'supplementaryCharactersKept' | 'duplicatesInDatabaseWords'
>;

/** Some rows, as JSON texts with commas between them. */
export type JoinedRows = { readonly rows: number; readonly bytes: Uint8Array };

/** Reads and writes rows as they are: the classes of a hierarchy in one SQL table, values as text. */
export class Rows {
  readonly #schema: Schema;
  readonly #database: Database;
  readonly #switches: RowSwitches;
  readonly #history: History;
  /** For a table's columns: the statement that inserts a row, and the expression for a whole row. */
  readonly #inserts = new WeakMap<readonly Column[], string>();
  readonly #wholeRows = new WeakMap<readonly Column[], string>();

  constructor(schema: Schema, database: Database, switches: RowSwitches, history: History) {
    this.#schema = schema;
    this.#database = database;
    this.#switches = switches;
    this.#history = history;
  }

  select(table: string, selection: Selection): Row[] {
    return this.selectText(table, this.#rowSql(table, selection.columns), selection).map(toRow);
  }

  /** One SQL expression over each row (`t0`), as text. */
  selectText(table: string, expression: string, selection: Selection): string[] {
    const sql = this.#selectSql(table, expression, selection);
    return this.#database
      .prepareArrays(sql)
      .all(...bound(selection))
      .map(([text]) => String(text));
  }

  /**
   * What one SQL expression over each row (`t0`) writes, joined by commas, as bytes of UTF-8: SQLite joins them several
   * times as fast as we could. In slices, since no text in SQLite is longer than a gigabyte.
   */
  selectJoined(table: string, expression: string, selection: Selection): JoinedRows[] {
    const slices: JoinedRows[] = [];
    const end = selection.limit ?? Number.POSITIVE_INFINITY;
    for (let from = 0; from < end; from += rowsPerSlice) {
      const limit = Math.min(rowsPerSlice, end - from);
      const slice = this.#readSlice(table, expression, {
        ...selection,
        limit,
        offset: (selection.offset ?? 0) + from,
      });
      if (slice.rows > 0) slices.push(slice);
      if (slice.rows < limit) break;
    }
    return slices;
  }

  #readSlice(table: string, expression: string, slice: Selection): JoinedRows {
    const members = this.#selectSql(table, `${expression} AS member`, slice);
    const sql = `SELECT count(*), CAST(group_concat(member, ',') AS BLOB) FROM (${members})`;
    const [rows, bytes] = this.#database.prepareArrays(sql).all(...bound(slice))[0] ?? [];
    return { rows: Number(rows), bytes: bytes instanceof Uint8Array ? bytes : new Uint8Array() };
  }

  /** Whether the sys_id is taken in the table's hierarchy. */
  has(table: string, sysId: string): boolean {
    const sql = `SELECT 1 FROM ${this.#storage(table)} WHERE sys_id = ?`;
    return this.#database.prepare(sql).get(sysId) !== undefined;
  }

  count(table: string, selection: Pick<Selection, 'where' | 'params'>): number {
    const sql = `SELECT count(*) AS total FROM ${this.#from(table, selection)}`;
    return Number(this.#database.prepare(sql).get(...(selection.params ?? []))?.['total'] ?? 0);
  }

  /** @throws DuplicateKey when the sys_id or a unique column is taken. */
  insert(table: string, row: Row): void {
    const columns = this.#schema.columns(table);
    const sql = this.#insertInto(table, columns);
    const values = columns.map((column) => this.encode(column, row[column.name] ?? ''));
    this.#history.note(this.#schema.storage(table), row['sys_id'] ?? '');
    this.#guarded(table, row, () => this.#database.prepare(sql).run(...values));
  }

  /**
   * Inserts rows that have `base` in common; each names only what it has beyond that. Several times as fast as one
   * by one.
   * @throws DuplicateKey when a sys_id or a unique column is taken.
   */
  insertMany(table: string, base: Row, rows: readonly Row[]): void {
    const insert = this.inserter(table, base, withinChoices);
    const storage = this.#schema.storage(table);
    for (const row of rows) {
      this.#history.note(storage, row['sys_id'] ?? '');
      insert(row);
    }
  }

  /** The same, a row at a time and as if it had always been there; each value is what `admit` makes of it. */
  inserter(table: string, base: Row, admit = asGiven): (row: Row) => void {
    const columns = this.#schema.columns(table);
    const statement = this.#database.prepare(this.#insertInto(table, columns));
    const positions = new Map(columns.map((column, at) => [column.name, { column, at }]));
    const common = columns.map((column) => this.encode(column, base[column.name] ?? ''));
    return (row) => {
      const values = common.slice();
      for (const name in row) {
        const place = positions.get(name);
        if (place) values[place.at] = this.encode(place.column, admit(place.column, row[name] ?? ''));
      }
      this.#guarded(table, row, () => statement.run(...values));
    };
  }

  /** @throws DuplicateKey when a unique column's new value is taken. */
  update(table: string, sysId: string, changes: Row): void {
    const columns = Object.keys(changes).flatMap((name) => this.#schema.column(table, name) ?? []);
    if (columns.length === 0) return;
    const assignments = columns.map((column) => `${quoted(column.name)} = ?`).join(', ');
    const sql = `UPDATE ${this.#storage(table)} SET ${assignments} WHERE sys_id = ?`;
    const values = columns.map((column) => this.encode(column, changes[column.name] ?? ''));
    this.#history.note(this.#schema.storage(table), sysId);
    this.#guarded(table, { ...changes, sys_id: sysId }, () =>
      this.#database.prepare(sql).run(...values, sysId),
    );
  }

  delete(table: string, sysId: string): void {
    this.#history.note(this.#schema.storage(table), sysId);
    this.#database.prepare(`DELETE FROM ${this.#storage(table)} WHERE sys_id = ?`).run(sysId);
  }

  /** The value as SQLite would hold it. */
  encode(column: Column, value: string): SQLInputValue {
    const { supplementaryCharactersKept: isKept, truncateLongText } = this.#switches;
    const text = isKept ? value : value.replaceAll(/[\u{10000}-\u{10FFFF}]/gu, '????');
    return encode(column, text, truncateLongText);
  }

  /** The value as it would be read back after a write: trimmed to its column, `''` when it makes no sense there. */
  normalize(column: Column, value: string): string {
    return decode(column, this.encode(column, value));
  }

  /** Put together once for a table, until the schema gives it other columns. */
  #insertInto(table: string, columns: readonly Column[]): string {
    const known = this.#inserts.get(columns);
    if (known !== undefined) return known;
    const names = columns.map((column) => quoted(column.name)).join(', ');
    const marks = columns.map(() => '?').join(', ');
    const sql = `INSERT INTO ${this.#storage(table)} (${names}) VALUES (${marks})`;
    this.#inserts.set(columns, sql);
    return sql;
  }

  /**
   * With an order, the page is selected on narrow rows first: the sorter would otherwise carry every value of every
   * row that matches. The LIMIT, which is always there, keeps the inner order, and CROSS JOIN the outer one.
   */
  #selectSql(table: string, list: string, selection: Selection): string {
    const shuffle = selection.tieSeed === undefined ? '' : 'shuffled(t0.sys_id, ?)';
    const order = [selection.orderBy, shuffle].filter(Boolean);
    const sorted = `ORDER BY ${[...order, 't0.sys_id'].join(', ')}`;
    const page = `FROM ${this.#from(table, selection)} ${sorted} ${pageOf(selection)}`;
    return order.length === 0
      ? `SELECT ${list} ${page}`
      : `SELECT ${list} FROM (SELECT t0.rowid AS place ${page}) AS page ` +
          `CROSS JOIN ${this.#storage(table)} AS t0 ON t0.rowid = page.place`;
  }

  /** A row comes as one JSON text: reading its dozens of values one by one takes twice as long. */
  #rowSql(table: string, names: readonly string[] | undefined): string {
    const columns = this.#schema.columns(table);
    if (names) return toRowSql(names.flatMap((name) => this.#schema.column(table, name) ?? []));
    const known = this.#wholeRows.get(columns);
    if (known !== undefined) return known;
    const sql = toRowSql(columns);
    this.#wholeRows.set(columns, sql);
    return sql;
  }

  #guarded(table: string, row: Row, write: () => void): void {
    try {
      write();
    } catch (cause) {
      const key = uniqueKeyIn(cause);
      if (key === undefined) throw cause;
      if (key !== 'sys_id' && this.#switches.duplicatesInDatabaseWords)
        throw new UniqueKeyViolation(key, row[key] ?? '');
      throw new DuplicateKey(table, this.#displayOf(table, row));
    }
  }

  /** Changes alone need not hold what the row is shown by. */
  #displayOf(table: string, row: Row): string {
    const column = this.#schema.displayColumn(table);
    const { [column]: given, sys_id: sysId = '' } = row;
    const selection = { where: 't0.sys_id = ?', params: [sysId], columns: [column], limit: 1 };
    return given ?? this.select(table, selection)[0]?.[column] ?? '';
  }

  #storage(table: string): string {
    return quoted(this.#schema.storage(table));
  }

  #from(table: string, selection: Pick<Selection, 'where'>): string {
    const conditions = selection.where && selection.where !== '1' ? [`(${selection.where})`] : [];
    if (this.#schema.storage(table) !== table) {
      const classes = this.#schema.descendants(table).map((name) => `'${name}'`);
      conditions.push(`t0.sys_class_name IN (${classes.join(', ')})`);
    }
    const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
    return `${this.#storage(table)} AS t0${where}`;
  }
}

/** The column whose value is taken, as SQLite says it: `UNIQUE constraint failed: task.u_ticket`. */
const uniqueKeyIn = (cause: unknown) =>
  cause instanceof Error ? /UNIQUE constraint failed: \w+\.(\w+)/.exec(cause.message)?.[1] : undefined;

const bound = ({ params = [], tieSeed }: Selection) =>
  tieSeed === undefined ? [...params] : [...params, tieSeed];

/** Written out, since SQLite plans a statement again for every value that is bound as its LIMIT. */
const pageOf = ({ limit = -1, offset = 0 }: Selection) =>
  `LIMIT ${Math.trunc(limit)} OFFSET ${Math.trunc(offset)}`;

const toRowSql = (columns: readonly Column[]) =>
  objectSql(columns.map((column) => [column.name, valueParts(column)]));

function toRow(text: string): Row {
  const row: Row = JSON.parse(text);
  return row;
}
