import type { Ledger } from '../ledger.ts';
import type { Row } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import type { Store } from '../store/store.ts';
import { dayMs, midnightAfter, toDateTime } from '../time/dates.ts';
import type { InstanceClock } from '../time/instance-clock.ts';
import type { RunHistory } from './run-history.ts';

export type ImportSetMode = 'synchronous' | 'asynchronous';

/** An import set that takes rows, or whose rows are being transformed. */
export type OpenSet = {
  readonly sysId: string;
  readonly number: string;
  readonly table: string;
  readonly mode: ImportSetMode;
  /** How many rows it has. */
  rows: number;
  /** Its histories, by the sys_id of the transform map; opened with the first row that is transformed. */
  readonly runs: Map<string, RunHistory>;
};

/** A set as its sys_import_set row describes it, also when another API made the row. */
export function openSetOf(store: Store, row: Row): OpenSet {
  const sysId = row['sys_id'] ?? '';
  const table = row['table_name'] ?? '';
  return {
    sysId,
    number: row['number'] ?? '',
    table,
    mode: row['mode'] === 'asynchronous' ? 'asynchronous' : 'synchronous',
    rows: store.count(table, { where: 't0."sys_import_set" = ?', params: [sysId] }),
    runs: new Map(),
  };
}

/** A set that is still loading from before a restart, or that was opened through another API. */
export function findLoading(store: Store, table: string): OpenSet | undefined {
  const where = `t0."table_name" = ? AND t0."state" = 'loading'`;
  const [row] = store.select('sys_import_set', { where, params: [table], limit: 1 });
  return row && openSetOf(store, row);
}

/** The sys_ids of the rows that wait to be transformed, in order. */
export function pendingRows(store: Store, set: OpenSet): string[] {
  const rows = store.select(set.table, {
    where: `t0."sys_import_set" = ? AND t0."sys_import_state" = 'pending'`,
    params: [set.sysId],
    orderBy: 't0."sys_import_row"',
    columns: ['sys_id'],
  });
  return rows.map((row) => row['sys_id'] ?? '');
}

const bytesPerCharacter = 4;

/**
 * Whether a staging row is no longer than a row may be: one that is longer is skipped (ServiceNow docs, "Maximum row
 * size"). Every value counts as long as its column lets it become.
 */
export function isWithinRowSize(schema: Schema, table: string, row: Row, maxBytes: number): boolean {
  let characters = 0;
  for (const name in row) characters += row[name]?.length ?? 0;
  if (characters * bytesPerCharacter <= maxBytes) return true;
  let bytes = 0;
  for (const name in row) {
    const kept = (row[name] ?? '').slice(0, schema.column(table, name)?.maxLength ?? 0);
    bytes += Buffer.byteLength(kept);
  }
  return bytes <= maxBytes;
}

/** What waits for an import set to be done, by the set's sys_id. */
export class Successors {
  readonly #starts = new Map<string, (() => void)[]>();

  /** Has `start` called once the set is done. */
  follow(setId: string, start: () => void): void {
    this.#starts.set(setId, [...(this.#starts.get(setId) ?? []), start]);
  }

  /** Starts, in order, what waited for the set. */
  release(setId: string): void {
    const starts = this.#starts.get(setId) ?? [];
    this.#starts.delete(setId);
    for (const start of starts) start();
  }

  clear(): void {
    this.#starts.clear();
  }
}

const keptMs = 7 * dayMs;

/**
 * The daily job that deletes import sets older than seven days, with their rows and histories (ServiceNow docs,
 * "Import sets key concepts": Import Set Deleter). Only the midnights at which a set is due are waited for.
 */
export class ImportSetDeleter {
  readonly #store: Store;
  readonly #clock: InstanceClock;
  readonly #ledger: Ledger;
  #armed = false;

  constructor(store: Store, clock: InstanceClock, ledger: Ledger) {
    this.#store = store;
    this.#clock = clock;
    this.#ledger = ledger;
  }

  /** Waits for the midnight at which the oldest set is due, if there is any and nothing is waited for yet. */
  arm(): void {
    if (this.#armed) return;
    const dated = { where: 't0."sys_created_on" IS NOT NULL', orderBy: 't0."sys_created_on"', limit: 1 };
    const [oldest] = this.#store.select('sys_import_set', dated);
    if (!oldest) return;
    const createdMs = Date.parse(`${oldest['sys_created_on']?.replace(' ', 'T')}Z`);
    this.#armed = true;
    this.#clock.housekeep(midnightAfter(Math.max(createdMs + keptMs, this.#clock.now())), () => this.#run());
  }

  /** Waits for nothing any more, as when the clock has forgotten its jobs. */
  disarm(): void {
    this.#armed = false;
  }

  #run(): void {
    this.#armed = false;
    const job = this.#ledger.openJob('Import Set Deleter', this.#clock.now());
    this.#ledger.during(job, () => this.#deleteOld());
    this.arm();
  }

  #deleteOld(): void {
    const before = toDateTime(this.#clock.now() - keptMs);
    const old = { where: 't0."sys_created_on" < ?', params: [before], columns: ['sys_id', 'table_name'] };
    this.#store.transaction(() => {
      for (const { sys_id: set = '', table_name: table = '' } of this.#store.select('sys_import_set', old)) {
        if (this.#store.schema.table(table)) this.#deleteAll(table, 'sys_import_set', set);
        this.#deleteAll('sys_import_set_row_error', 'import_set', set);
        this.#deleteAll('sys_import_set_run', 'set', set);
        this.#store.remove('sys_import_set', set);
      }
    });
  }

  #deleteAll(table: string, column: string, set: string): void {
    const rows = this.#store.select(table, {
      where: `t0."${column}" = ?`,
      params: [set],
      columns: ['sys_id'],
    });
    for (const { sys_id: sysId = '' } of rows) this.#store.remove(table, sysId);
  }
}
