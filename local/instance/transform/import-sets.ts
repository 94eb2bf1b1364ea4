import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Ledger } from '../control/ledger.ts';
import type { Author, Row } from '../store/row.ts';
import type { Store } from '../store/store.ts';
import { toDateTime } from '../time/date-time.ts';
import type { InstanceClock } from '../time/instance-clock.ts';
import type { ImportSwitches } from './import-switches.ts';
import type { Outcome } from './outcome.ts';
import { recordOutcome } from './record-outcome.ts';
import { RunHistory } from './run-history.ts';
import { type TransformMap, transformMapsOf } from './transform-map.ts';
import { transformRow } from './transform-row.ts';
import type { TransformScripts } from './transform-script.ts';

const rowsPerTurn = 100;
const rememberedRows = 10_000;
const dayMs = 86_400_000;

export type ImportSetMode = 'synchronous' | 'asynchronous';

/** An import set that takes rows. */
export type OpenSet = {
  readonly sysId: string;
  readonly number: string;
  readonly table: string;
  readonly mode: ImportSetMode;
  rows: number;
  /** One history per transform map, opened with the first row that is transformed. */
  runs: RunHistory[] | undefined;
};

/** What one transform map made of one row, for the answer. */
export type MapOutcome = { readonly map: TransformMap; readonly outcome: Outcome };

type Dependencies = {
  readonly store: Store;
  readonly clock: InstanceClock;
  readonly ledger: Ledger;
  readonly switches: ImportSwitches;
};

/** The import sets of the instance: opening them, filling them, transforming them. */
export class ImportSets {
  /** `onBefore` scripts by the name of their transform map; tests put theirs here. */
  readonly scripts: TransformScripts = new Map();
  readonly #store: Store;
  readonly #clock: InstanceClock;
  readonly #ledger: Ledger;
  readonly #switches: ImportSwitches;
  /** By staging table: the set that single rows go into. */
  readonly #loading = new Map<string, OpenSet>();
  /** By the set they wait for. */
  readonly #followers = new Map<string, (() => void)[]>();
  /** By staging row, where several maps took it. */
  readonly #outcomes = new Map<string, MapOutcome[]>();
  #generation = 0;

  constructor({ store, clock, ledger, switches }: Dependencies) {
    this.#store = store;
    this.#clock = clock;
    this.#ledger = ledger;
    this.#switches = switches;
  }

  /** Opens a set in state `loading`. */
  open(table: string, mode: ImportSetMode, by: Author, links: Row = {}): OpenSet {
    const values = { table_name: table, mode, state: 'loading', ...links };
    const row = this.#store.insert('sys_import_set', values, by);
    const sysId = row['sys_id'] ?? '';
    return { sysId, number: row['number'] ?? '', table, mode, rows: 0, runs: undefined };
  }

  /** The set that single rows of the table go into until midnight UTC; opened when there is none. */
  loadingSet(table: string, by: Author): OpenSet {
    const known = this.#loading.get(table);
    if (known && this.#stateOf(known.sysId) === 'loading') return known;
    const opened = this.open(table, 'synchronous', by);
    this.#loading.set(table, opened);
    const midnightMs = (Math.floor(this.#clock.now() / dayMs) + 1) * dayMs;
    this.#clock.at(midnightMs, () => this.finish(opened));
    return opened;
  }

  /** Appends rows with these own columns of the staging table. Returns their sys_ids. */
  append(set: OpenSet, rows: readonly Row[], by: Author, state: 'pending' | 'inserted'): string[] {
    const before = set.rows;
    set.rows += rows.length;
    const base = { sys_import_set: set.sysId, sys_import_state: state };
    const numbered = rows.map((row, at) => ({ ...row, sys_import_row: String(before + at + 1) }));
    const ids = this.#store.load(set.table, base, numbered, by);
    for (const sysId of ids) this.#ledger.wrote('insert', set.table, sysId);
    return ids;
  }

  /** Transforms one row by every map of the set, in their order. */
  transform(set: OpenSet, rowSysId: string, by: Author): MapOutcome[] {
    const source = this.#store.find(set.table, rowSysId) ?? {};
    const staging = { table: set.table, sysId: rowSysId, setId: set.sysId };
    const outcomes = this.#runsOf(set).map((run) => {
      const script = this.scripts.get(run.map.name);
      const outcome = transformRow({ store: this.#store, map: run.map, by, script }, source);
      recordOutcome(this.#store, staging, run, outcome);
      return { map: run.map, outcome };
    });
    if (outcomes.length > 1) this.#remember(rowSysId, outcomes);
    return outcomes;
  }

  /** What several maps made of a row: the row itself only tells of the last. */
  outcomesOf(rowSysId: string): readonly MapOutcome[] | undefined {
    return this.#outcomes.get(rowSysId);
  }

  /** Writes the counts of a set that goes on taking rows. */
  saveRuns(set: OpenSet): void {
    for (const run of set.runs ?? []) run.save();
  }

  /** Marks a set as loaded: an asynchronous one waits from now on for the transformer job. */
  loaded(set: OpenSet, by: Author, runAfter?: string): void {
    const load_completed = toDateTime(this.#clock.now());
    this.#store.assign('sys_import_set', set.sysId, { state: 'loaded', load_completed });
    const start = () => this.#schedule(set, by);
    if (runAfter !== undefined && this.#isUnfinished(runAfter)) this.#follow(runAfter, start);
    else start();
  }

  /** Closes the histories and marks the set as processed; sets that run after it may start. */
  finish(set: OpenSet): void {
    for (const run of set.runs ?? []) run.complete(this.#clock.now());
    this.#store.assign('sys_import_set', set.sysId, { state: 'processed' });
    const followers = this.#followers.get(set.sysId) ?? [];
    this.#followers.delete(set.sysId);
    for (const start of followers) start();
  }

  /** Notes rows that a sink took without transforming them. */
  sink(set: OpenSet, rows: number): void {
    for (const run of this.#runsOf(set)) run.count('inserted', rows);
    this.finish(set);
  }

  /** Forgets open sets and abandons transforms under way, as before the tables are emptied or closed. */
  abandon(): void {
    this.#generation += 1;
    this.#loading.clear();
    this.#followers.clear();
    this.#outcomes.clear();
  }

  #runsOf(set: OpenSet): RunHistory[] {
    set.runs ??= transformMapsOf(this.#store, set.table).map(
      (map) =>
        new RunHistory(
          this.#store,
          set.sysId,
          map,
          this.#store.newSysId('sys_import_set_run'),
          this.#clock.now(),
        ),
    );
    return set.runs;
  }

  #schedule(set: OpenSet, by: Author): void {
    const generation = this.#generation;
    this.#clock.at(this.#clock.now() + this.#switches.transformDelayMs, async () => {
      if (generation !== this.#generation) return;
      const entry = this.#ledger.open({
        at: new Date(this.#clock.now()).toISOString(),
        method: 'JOB',
        path: `Asynchronous Import Set Transformer ${set.number}`,
        transactionId: '',
        connectionId: 0,
      });
      await this.#ledger.during(entry, () => this.#transformAll(set, by, generation));
    });
  }

  /** In turns, so that the instance goes on answering, and a client that polls sees rows settle by and by. */
  async #transformAll(set: OpenSet, by: Author, generation: number): Promise<void> {
    const pending = this.#runsOf(set).length === 0 ? [] : this.#pendingRows(set);
    for (let from = 0; from < pending.length; from += rowsPerTurn) {
      this.#store.transaction(() => {
        for (const sysId of pending.slice(from, from + rowsPerTurn)) this.transform(set, sysId, by);
        this.saveRuns(set);
      });
      await nextTurn();
      if (generation !== this.#generation) return;
    }
    this.finish(set);
  }

  #pendingRows(set: OpenSet): string[] {
    const rows = this.#store.select(set.table, {
      where: `t0."sys_import_set" = ? AND t0."sys_import_state" = 'pending'`,
      params: [set.sysId],
      orderBy: 't0."sys_import_row"',
      columns: ['sys_id'],
    });
    return rows.map((row) => row['sys_id'] ?? '');
  }

  #remember(rowSysId: string, outcomes: MapOutcome[]): void {
    this.#outcomes.set(rowSysId, outcomes);
    if (this.#outcomes.size <= rememberedRows) return;
    const [oldest] = this.#outcomes.keys();
    if (oldest !== undefined) this.#outcomes.delete(oldest);
  }

  #follow(setId: string, start: () => void): void {
    this.#followers.set(setId, [...(this.#followers.get(setId) ?? []), start]);
  }

  #isUnfinished(setId: string): boolean {
    const state = this.#stateOf(setId);
    return state === 'loading' || state === 'loaded';
  }

  #stateOf(setId: string): string | undefined {
    return this.#store.find('sys_import_set', setId)?.['state'];
  }
}
