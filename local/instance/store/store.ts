import type { SQLInputValue } from 'node:sqlite';
import type { Schema } from '../schema/schema.ts';
import type { Column } from '../schema/table.ts';
import type { Switches } from '../switches.ts';
import { toDateTime } from '../time/date-time.ts';
import { Database, quoted } from './database.ts';
import { defaultOf, withinChoices } from './defaults.ts';
import { decode, encode } from './encode.ts';
import { drawSysId } from './identifiers.ts';
import { Numbers } from './numbers.ts';
import { enforcePolicies, runRules } from './policies.ts';
import { DuplicateKey } from './refusals.ts';
import { type Author, type Row, type Selection, system } from './row.ts';

type StoreOptions = {
  readonly schema: Schema;
  readonly clock: { now(): number };
  readonly switches: Switches;
  readonly random: () => number;
  /** A file path, or `:memory:`. */
  readonly location: string;
  /** Told of every row written, under the row's own class. */
  readonly onWrite?: WriteListener;
};

export type WriteListener = (operation: 'insert' | 'update' | 'delete', table: string, sysId: string) => void;

const journalKinds = new Set<Column['kind']>(['journal', 'journal_list']);

/** The rows of the instance, with what the platform does on every write, whichever API it came by. */
export class Store {
  readonly schema: Schema;
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #switches: Switches;
  readonly #random: () => number;
  readonly #numbers: Numbers;
  readonly #onWrite: WriteListener;
  #depth = 0;

  constructor(options: StoreOptions) {
    this.schema = options.schema;
    this.#clock = options.clock;
    this.#switches = options.switches;
    this.#random = options.random;
    this.#onWrite = options.onWrite ?? (() => {});
    this.#database = new Database(options.location, options.switches);
    this.#database.create(options.schema);
    this.#numbers = new Numbers(this.#database, options.schema);
  }

  /**
   * Inserts a row: fills defaults, the auto number and the system columns, drops choices that are not in the list,
   * keeps a given sys_id. Unknown columns are ignored.
   * @throws RecordRefused when a rule or policy forbids it or the sys_id is taken.
   */
  insert(table: string, values: Row, by: Author): Row {
    const row = this.#compose(table, values, by);
    runRules(this.schema, table, 'insert', row);
    enforcePolicies(this.schema, table, row);
    return this.transaction(() => {
      this.#write(table, row);
      this.#onWrite('insert', table, row['sys_id'] ?? '');
      this.#appendJournal(table, row['sys_id'] ?? '', values, by);
      return this.find(table, row['sys_id'] ?? '') ?? row;
    });
  }

  /** Writes a row as it is given, system columns and all; only what is missing is filled in. For seeds. */
  seed(table: string, values: Row): void {
    const composed = this.#compose(table, values, system);
    this.#write(table, { ...composed, ...values });
    this.#appendJournal(table, composed['sys_id'] ?? '', values, system);
  }

  /**
   * Changes the given columns. When nothing changes, sys_updated_on and the like stay (a switch).
   * @param options.keepSystemColumns leaves sys_updated_on, sys_updated_by and sys_mod_count alone.
   * @throws RecordRefused when a rule or policy forbids it.
   * @returns undefined when there is no such row.
   */
  update(
    table: string,
    sysId: string,
    values: Row,
    by: Author,
    options: { keepSystemColumns?: boolean } = {},
  ): { row: Row; changed: boolean } | undefined {
    const before = this.find(table, sysId);
    if (!before) return undefined;
    const real = this.#realClass(table, before);
    const changes = this.#changes(real, before, values);
    const journals = this.#hasJournal(real, values);
    if (changes.size === 0 && !journals && !this.#switches.touchOnNoChange)
      return { row: before, changed: false };
    const after = { ...before, ...Object.fromEntries(changes) };
    runRules(this.schema, real, 'update', after);
    enforcePolicies(this.schema, real, after);
    if (!options.keepSystemColumns) this.#touch(changes, before, by);
    return this.transaction(() => {
      this.#assign(real, sysId, changes);
      this.#onWrite('update', real, sysId);
      this.#appendJournal(real, sysId, values, by);
      return { row: this.find(table, sysId) ?? after, changed: true };
    });
  }

  /** @throws RecordRefused when a business rule forbids it. */
  remove(table: string, sysId: string): boolean {
    const row = this.find(table, sysId);
    if (!row) return false;
    const real = this.#realClass(table, row);
    runRules(this.schema, real, 'delete', row);
    this.#database.prepare(`DELETE FROM ${quoted(this.schema.storage(table))} WHERE sys_id = ?`).run(sysId);
    this.#onWrite('delete', real, sysId);
    return true;
  }

  find(table: string, sysId: string): Row | undefined {
    return this.findBy(table, 'sys_id', sysId);
  }

  /** The first row whose column holds the value. */
  findBy(table: string, column: string, value: string): Row | undefined {
    return this.select(table, { where: `t0.${quoted(column)} = ?`, params: [value], limit: 1 })[0];
  }

  select(table: string, selection: Selection = {}): Row[] {
    const columns = this.#columnsOf(table, selection.columns);
    const list = columns.map((column) => `t0.${quoted(column.name)}`).join(', ');
    const order = selection.orderBy ? `${selection.orderBy}, t0.sys_id` : 't0.sys_id';
    const sql = `SELECT ${list} FROM ${this.#from(table, selection)} ORDER BY ${order} LIMIT ? OFFSET ?`;
    const rows = this.#database
      .prepare(sql)
      .all(...(selection.params ?? []), selection.limit ?? -1, selection.offset ?? 0);
    return rows.map((raw) => {
      const row: Row = {};
      for (const column of columns) row[column.name] = decode(column, raw[column.name]);
      return row;
    });
  }

  count(table: string, selection: Pick<Selection, 'where' | 'params'> = {}): number {
    const sql = `SELECT count(*) AS total FROM ${this.#from(table, selection)}`;
    return Number(this.#database.prepare(sql).get(...(selection.params ?? []))?.['total'] ?? 0);
  }

  /** Rows of any SELECT over the storage tables, values as SQLite holds them. */
  query(sql: string, params: readonly (string | number | null)[] = []): Record<string, unknown>[] {
    return this.#database.prepare(sql).all(...params);
  }

  /** Runs `work` in one transaction; inner calls join the outer one. */
  transaction<Result>(work: () => Result): Result {
    if (this.#depth > 0) return work();
    this.#database.exec('BEGIN');
    this.#depth++;
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (cause) {
      this.#database.exec('ROLLBACK');
      this.#numbers.reset();
      throw cause;
    } finally {
      this.#depth--;
    }
  }

  /** Empties every table. */
  clear(): void {
    const storages = new Set(this.schema.tables().map((table) => this.schema.storage(table.name)));
    this.transaction(() => {
      for (const storage of storages) this.#database.exec(`DELETE FROM ${quoted(storage)}`);
    });
    this.#numbers.reset();
  }

  close(): void {
    this.#database.close();
  }

  #columnsOf(table: string, names: readonly string[] | undefined): Column[] {
    if (!names) return this.schema.columns(table);
    return names.flatMap((name) => this.schema.column(table, name) ?? []);
  }

  #from(table: string, selection: Pick<Selection, 'where'>): string {
    const storage = this.schema.storage(table);
    const conditions = selection.where ? [`(${selection.where})`] : [];
    if (storage !== table) {
      const classes = this.schema.descendants(table).map((name) => `'${name}'`);
      conditions.push(`t0.sys_class_name IN (${classes.join(', ')})`);
    }
    const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
    return `${quoted(storage)} AS t0${where}`;
  }

  #realClass(table: string, row: Row): string {
    const name = row['sys_class_name'];
    return name && this.schema.table(name) ? name : table;
  }

  #compose(table: string, values: Row, by: Author): Row {
    const nowMs = this.#clock.now();
    const row: Row = {};
    for (const column of this.schema.columns(table)) {
      const given = column.name.startsWith('sys_') ? undefined : values[column.name];
      row[column.name] = journalKinds.has(column.kind)
        ? ''
        : withinChoices(column, given ?? defaultOf(column, by, nowMs));
    }
    if (row['number'] === '') row['number'] = this.#numbers.draw(table);
    return { ...row, ...this.#systemColumns(table, values, by, toDateTime(nowMs)) };
  }

  #systemColumns(table: string, values: Row, by: Author, now: string): Row {
    return {
      sys_id: values['sys_id'] || drawSysId(this.#random),
      sys_created_on: now,
      sys_created_by: by.userName,
      sys_updated_on: now,
      sys_updated_by: by.userName,
      sys_mod_count: '0',
      ...(this.schema.column(table, 'sys_class_name') && { sys_class_name: table }),
    };
  }

  #write(table: string, row: Row): void {
    const columns = this.schema.columns(table);
    const names = columns.map((column) => quoted(column.name)).join(', ');
    const marks = columns.map(() => '?').join(', ');
    const sql = `INSERT INTO ${quoted(this.schema.storage(table))} (${names}) VALUES (${marks})`;
    try {
      this.#database
        .prepare(sql)
        .run(...columns.map((column) => this.#encode(column, row[column.name] ?? '')));
    } catch (cause) {
      if (!isUniqueViolation(cause)) throw cause;
      throw new DuplicateKey(table, row[this.schema.displayColumn(table)] ?? '');
    }
  }

  #encode(column: Column, value: string): SQLInputValue {
    return encode(column, value, this.#switches.truncateLongText);
  }

  #changes(table: string, before: Row, values: Row): Map<string, string> {
    const changes = new Map<string, string>();
    for (const [name, given] of Object.entries(values)) {
      const column = this.schema.column(table, name);
      if (!column || name.startsWith('sys_') || journalKinds.has(column.kind)) continue;
      const value = decode(column, this.#encode(column, withinChoices(column, given)));
      if (value !== (before[name] ?? '')) changes.set(name, value);
    }
    return changes;
  }

  #touch(changes: Map<string, string>, before: Row, by: Author): void {
    changes.set('sys_updated_on', toDateTime(this.#clock.now()));
    changes.set('sys_updated_by', by.userName);
    changes.set('sys_mod_count', String(Number(before['sys_mod_count'] ?? '0') + 1));
  }

  #assign(table: string, sysId: string, changes: ReadonlyMap<string, string>): void {
    if (changes.size === 0) return;
    const columns = [...changes.keys()].flatMap((name) => this.schema.column(table, name) ?? []);
    const assignments = columns.map((column) => `${quoted(column.name)} = ?`).join(', ');
    const sql = `UPDATE ${quoted(this.schema.storage(table))} SET ${assignments} WHERE sys_id = ?`;
    const values = columns.map((column) => this.#encode(column, changes.get(column.name) ?? ''));
    this.#database.prepare(sql).run(...values, sysId);
  }

  #hasJournal(table: string, values: Row): boolean {
    return this.#journalColumns(table).some((column) => (values[column.name] ?? '') !== '');
  }

  #journalColumns(table: string): Column[] {
    return this.schema.columns(table).filter((column) => column.kind === 'journal');
  }

  #appendJournal(table: string, sysId: string, values: Row, by: Author): void {
    for (const column of this.#journalColumns(table)) {
      const value = values[column.name] ?? '';
      if (value === '') continue;
      this.insert('sys_journal_field', { element: column.name, element_id: sysId, name: table, value }, by);
    }
  }
}

const isUniqueViolation = (cause: unknown) =>
  cause instanceof Error && /UNIQUE constraint failed/.test(cause.message);
