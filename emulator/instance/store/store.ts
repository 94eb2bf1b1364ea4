import { type Author, type Row, type Selection, system } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import { drawSysId } from '../sys-ids.ts';
import { toDateTime } from '../time/dates.ts';
import { removeDependents } from './attachments.ts';
import type { BusinessRule, BusinessRules } from './business-rules.ts';
import { changesTo, composeRow, isTimed } from './compose.ts';
import { Database } from './database.ts';
import { History } from './history.ts';
import { journalEntries } from './journal.ts';
import { Numbers } from './numbers.ts';
import { RecordRefused } from './refusals.ts';
import { type JoinedRows, Rows } from './rows.ts';
import { type Seeder, seederOf } from './seeder.ts';
import { quoted } from './sql.ts';
import { Transactions } from './transactions.ts';
import { type WriteRuleOptions, WriteRules } from './write-rules.ts';

export type WriteListener = (operation: 'insert' | 'update' | 'delete', table: string, sysId: string) => void;

type StoreOptions = WriteRuleOptions & {
  readonly random: () => number;
  /** A file path, or `:memory:`. */
  readonly location: string;
  /** What `image` of a store with the same schema returned: this one begins as its copy. */
  readonly image?: Uint8Array | undefined;
  /** Called for every row written, under the row's own class, once the write is committed. */
  readonly onWrite?: WriteListener;
};

/** The rows of the instance, with what the platform does on every write, whichever API it came by. */
export class Store {
  readonly schema: Schema;
  readonly #writeRules: WriteRules;
  readonly #options: StoreOptions;
  readonly #database: Database;
  readonly #rows: Rows;
  readonly #numbers: Numbers;
  readonly #transactions: Transactions;
  readonly #history: History;

  constructor(options: StoreOptions) {
    this.schema = options.schema;
    this.#options = options;
    this.#database = new Database(options.location, options.switches, options.image);
    this.#transactions = new Transactions(this.#database);
    if (!options.image) this.#database.create(options.schema);
    this.#writeRules = new WriteRules({
      ...options,
      find: (table, sysId) => this.find(table, sysId),
    });
    this.#history = new History(this.#database, {
      now: () => options.clock.now(),
      keptMs: () => options.switches.lookupLagMs,
    });
    this.#rows = new Rows(options.schema, this.#database, options.switches, this.#history);
    this.#numbers = new Numbers(this.#database, options.schema);
  }

  /** The business rules that tests add while the instance runs. */
  get rules(): BusinessRules {
    return this.#writeRules.business;
  }

  /**
   * Inserts a row: fills defaults, the auto number and the system columns, drops choices that are not in the list,
   * keeps a given sys_id. Unknown columns are ignored.
   * @throws RecordRefused when a rule or policy forbids it or the sys_id is taken.
   */
  insert(table: string, values: Row, by: Author): Row {
    if (this.schema.isView(table))
      throw new RecordRefused(`Table ${table} takes rows of the tables that extend it`);
    const asked = this.#compose(table, values, by);
    const picked = this.rules.pick('insert', table, asked);
    const redirect = picked.find(({ action }) => action === 'redirect');
    if (!redirect) return this.#insertUnder(picked, table, asked, values, by);
    const { sys_id: _, number: __, ...rest } = values;
    const elsewhere = redirect.toTable ?? table;
    return this.#insertUnder(picked, elsewhere, this.#compose(elsewhere, rest, by), rest, by);
  }

  #insertUnder(picked: readonly BusinessRule[], table: string, composed: Row, given: Row, by: Author): Row {
    const row = this.#writeRules.rowToInsert({ table, given, by }, composed, picked);
    const sysId = row['sys_id'] ?? '';
    return this.transaction(() => {
      this.#rows.insert(table, row);
      this.#writeRules.requireAccepted('insert', table, sysId);
      this.#notify('insert', table, sysId);
      this.#appendJournal(this.#journalOf(table, { sys_id: sysId }, given), by);
      this.#writeRules.afterWrite(picked, sysId, (later) => void this.update(table, sysId, later, system));
      return this.find(table, sysId) ?? row;
    });
  }

  #journalOf(table: string, row: Row, values: Row): Row[] {
    return journalEntries(this.schema, table, row, values, this.#options.switches);
  }

  /** Writes a row as it is given, system columns and all; only what is missing is filled in. For seeds. */
  seed(table: string, values: Row): void {
    this.seeder(table)(values);
  }

  /** Seeds rows of one table; default values are computed once for all of them. */
  seeder(table: string): Seeder {
    const nothing = { sysId: () => '', number: () => '', nowMs: this.#options.clock.now() };
    const blank = composeRow(this.schema, table, {}, system, nothing);
    const draw = { sysId: () => this.newSysId(table), number: () => this.#numbers.draw(table) };
    return seederOf({ store: this, rows: this.#rows, table, blank, draw });
  }

  /** Dates every row of the table as if it had been seeded now. */
  redate(table: string): void {
    const timed = this.schema.columns(table).filter(isTimed);
    const assignments = timed.map(({ name }) => `${quoted(name)} = ?`).join(', ');
    const now = toDateTime(this.#options.clock.now());
    const ofClass = this.schema.column(table, 'sys_class_name') ? `sys_class_name = '${table}'` : '1';
    this.#database
      .prepare(`UPDATE ${quoted(this.schema.storage(table))} SET ${assignments} WHERE ${ofClass}`)
      .run(...timed.map(() => now));
  }

  /** All that the store holds; undefined before Node 24.16. */
  image(): Uint8Array | undefined {
    return this.#database.image();
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
    const real = this.classOf(table, sysId);
    const before = real === undefined ? undefined : this.find(real, sysId);
    if (real === undefined || !before) return undefined;
    const update = { table: real, given: values, by };
    const picked = this.rules.pick('update', real, { ...before, ...values });
    const asked = changesTo(this.schema, this.#rows, real, before, values);
    const ruled = changesTo(
      this.schema,
      this.#rows,
      real,
      { ...before, ...asked },
      this.#writeRules.setBy(picked, real),
    );
    const changes = this.#writeRules.changesToUpdate(update, before, asked, ruled);
    const entries = this.#journalOf(real, before, values);
    const changed = Object.keys(changes).length > 0 || entries.length > 0;
    if (changed || this.#options.switches.touchOnNoChange) {
      this.#writeRules.requireUpdate(update, before, asked, changes, picked);
      const touched = options.keepSystemColumns ? changes : { ...changes, ...this.#touch(before, by) };
      this.transaction(() => {
        this.#rows.update(real, sysId, touched);
        this.#writeRules.requireAccepted('update', real, sysId);
        this.#notify('update', real, sysId);
        this.#appendJournal(entries, by);
        this.#writeRules.afterWrite(picked, sysId, (later) => void this.update(real, sysId, later, system));
      });
    }
    return { row: this.find(table, sysId) ?? before, changed };
  }

  /**
   * Sets columns as they are given, system columns too, without rules, bookkeeping or notifications: for what the
   * platform itself notes on a row.
   */
  assign(table: string, sysId: string, values: Row): void {
    this.#rows.update(table, sysId, values);
  }

  /** The same, and when that changes the sys_id, every reference to the row changes with it. */
  reassign(table: string, sysId: string, values: Row): void {
    this.assign(table, sysId, values);
    const { sys_id: changed = sysId } = values;
    if (changed === sysId) return;
    const lineage = new Set(this.schema.ancestry(table).map(({ name }) => name));
    for (const { name, columns } of this.schema.tables()) {
      for (const column of columns) {
        if (!lineage.has(column.reference ?? '') || column.referenceKey || this.schema.isView(name)) continue;
        const storage = quoted(this.schema.storage(name));
        const at = quoted(column.name);
        this.#database.prepare(`UPDATE ${storage} SET ${at} = ? WHERE ${at} = ?`).run(changed, sysId);
      }
    }
  }

  /**
   * Writes rows as they are given, system columns too, without rules or notifications. What they have in
   * common stands in `base`.
   * @returns their sys_ids, in order.
   */
  load(table: string, base: Row, rows: readonly Row[], by: Author): string[] {
    const ids = rows.map(() => this.newSysId(table));
    const common = { ...this.#compose(table, base, by), ...base };
    const numbered = rows.map((row, at) => ({ ...row, sys_id: ids[at] ?? '' }));
    this.transaction(() => this.#rows.insertMany(table, common, numbered));
    return ids;
  }

  /** A sys_id that no row of the table has yet: a database file may meet the same seed a second time. */
  newSysId(table: string): string {
    let sysId = drawSysId(this.#options.random);
    while (this.#rows.has(table, sysId)) sysId = drawSysId(this.#options.random);
    return sysId;
  }

  /**
   * Removes a row, and the attachments that it has.
   * @throws RecordRefused when a business rule forbids it.
   * @returns false when there is no such row.
   */
  remove(table: string, sysId: string): boolean {
    const real = this.classOf(table, sysId);
    const row = real === undefined ? undefined : this.find(real, sysId);
    if (real === undefined || !row) return false;
    this.#writeRules.requireDelete(real, row);
    this.transaction(() => {
      this.#rows.delete(real, sysId);
      this.#notify('delete', real, sysId);
      removeDependents(this, real, sysId);
    });
    return true;
  }

  /** The row with the columns of `table`; rows of the tables below it are found too. */
  find(table: string, sysId: string): Row | undefined {
    return this.findBy(table, 'sys_id', sysId);
  }

  /** The first row whose column holds the value. */
  findBy(table: string, column: string, value: string): Row | undefined {
    return this.select(table, { where: `t0.${quoted(column)} = ?`, params: [value], limit: 1 })[0];
  }

  /** The table that a row of `table` really belongs to, or undefined when there is no such row. */
  classOf(table: string, sysId: string): string | undefined {
    const classed = this.schema.column(table, 'sys_class_name') !== undefined;
    const columns = classed ? ['sys_class_name'] : ['sys_id'];
    const row = this.select(table, { where: 't0.sys_id = ?', params: [sysId], limit: 1, columns })[0];
    return row && (row['sys_class_name'] || table);
  }

  select(table: string, selection: Selection = {}): Row[] {
    return this.#rows.select(table, selection);
  }

  /** What a SQL expression over each row (`t0`) writes, joined by commas, some thousand rows at a time. */
  selectJson(table: string, expression: string, selection: Selection): JoinedRows[] {
    return this.#rows.selectJoined(table, expression, selection);
  }

  count(table: string, selection: Pick<Selection, 'where' | 'params'> = {}): number {
    return this.#rows.count(table, selection);
  }

  /** Rows of any SELECT over the storage tables, values as SQLite holds them. */
  query(sql: string, params: readonly (string | number | null)[] = []): Record<string, unknown>[] {
    return this.#database.prepare(sql).all(...params);
  }

  /** Runs `work` in one transaction; inner calls join the outer one. */
  transaction<Result>(work: () => Result): Result {
    return this.#transactions.run(work);
  }

  /** Runs `work` and, when it fails, undoes what it did, and no more, even within a transaction. */
  attempt<Result>(work: () => Result): Result {
    return this.#transactions.attempt(work);
  }

  /** Runs `read` on the tables as a lagging replica shows them (the switch `lookupLagMs`). */
  lagging<Result>(read: () => Result): Result {
    return this.#options.switches.lookupLagMs === 0 ? read() : this.#history.before(read);
  }

  /** Empties every table. */
  clear(): void {
    this.#history.clear();
    const { schema } = this;
    const tables = schema.tables().filter((table) => !schema.isView(table.name));
    const storages = new Set(tables.map((table) => schema.storage(table.name)));
    this.transaction(() => {
      for (const storage of storages) this.#database.exec(`DELETE FROM ${quoted(storage)}`);
    });
    this.#numbers.reset();
  }

  close(): void {
    this.#database.close();
  }

  #notify(operation: Parameters<WriteListener>[0], table: string, sysId: string): void {
    this.#transactions.notify(() => this.#options.onWrite?.(operation, table, sysId));
  }

  #compose(table: string, values: Row, by: Author): Row {
    return composeRow(this.schema, table, values, by, {
      sysId: () => this.newSysId(table),
      number: () => this.#numbers.draw(table),
      nowMs: this.#options.clock.now(),
    });
  }

  #touch(before: Row, by: Author): Row {
    return {
      sys_updated_on: toDateTime(this.#options.clock.now()),
      sys_updated_by: by.userName,
      sys_mod_count: String(Number(before['sys_mod_count'] ?? '0') + 1),
    };
  }

  #appendJournal(entries: readonly Row[], by: Author): void {
    for (const entry of entries) this.insert('sys_journal_field', entry, by);
  }
}
