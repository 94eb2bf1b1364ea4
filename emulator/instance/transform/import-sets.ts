import { setImmediate as nextTurn } from 'node:timers/promises';
import { BoundedMap } from '../bounded-map.ts';
import type { Ledger } from '../ledger.ts';
import { type Author, type Row, system } from '../row.ts';
import type { Store } from '../store/store.ts';
import type { ImportSwitches } from '../switches.ts';
import { midnightAfter, toDateTime } from '../time/dates.ts';
import type { InstanceClock } from '../time/instance-clock.ts';
import type { Outcome } from './map-row.ts';
import {
  findLoading,
  ImportSetDeleter,
  type ImportSetMode,
  isWithinRowSize,
  type OpenSet,
  openSetOf,
  pendingRows,
  Successors,
} from './open-set.ts';
import { RunHistory, recordOutcome } from './run-history.ts';
import { KnownMaps, type TransformMap } from './transform-map.ts';
import { type TransformScripts, transformRow } from './transform-row.ts';

const rowsPerSlice = 25;
const rememberedRows = 10_000;

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
  readonly #successors = new Successors();
  /** By staging row, where several maps took it. */
  readonly #outcomes = new BoundedMap<string, MapOutcome[]>(rememberedRows);
  readonly #maps: KnownMaps;
  readonly #deleter: ImportSetDeleter;
  /** Sets that the transformer job will come to. */
  readonly #waiting = new Set<string>();
  #generation = 0;

  constructor({ store, clock, ledger, switches }: Dependencies) {
    this.#store = store;
    this.#clock = clock;
    this.#ledger = ledger;
    this.#switches = switches;
    this.#maps = new KnownMaps(store);
    this.#deleter = new ImportSetDeleter(store, clock, ledger);
  }

  /** Opens a set in state `loading`. */
  open(table: string, mode: ImportSetMode, by: Author, links: Row = {}): OpenSet {
    const values = { table_name: table, mode, state: 'loading', ...links };
    const row = this.#store.insert('sys_import_set', values, by);
    this.#deleter.arm();
    return openSetOf(this.#store, row);
  }

  /** The set in state `loading` that single rows of the table go into until midnight UTC; opened when there is none. */
  loadingSet(table: string, by: Author): OpenSet {
    const known = this.#loading.get(table);
    if (known && this.#stateOf(known.sysId) === 'loading') return known;
    const opened = findLoading(this.#store, table) ?? this.open(table, 'synchronous', by);
    this.#loading.set(table, opened);
    this.#clock.housekeep(midnightAfter(this.#clock.now()), () => this.finish(opened));
    return opened;
  }

  /**
   * Appends pending rows with these own columns of the staging table; those that are too long are skipped.
   * @returns their sys_ids.
   */
  append(set: OpenSet, rows: readonly Row[], by: Author, marks: Row = {}): string[] {
    const { maxStagingRowBytes, stagingRowsFromZero } = this.#switches;
    const fitting = rows.filter((row) =>
      isWithinRowSize(this.#store.schema, set.table, row, maxStagingRowBytes),
    );
    const first = set.rows + (stagingRowsFromZero ? 0 : 1);
    set.rows += fitting.length;
    const base = { sys_import_set: set.sysId, sys_import_state: 'pending', ...marks };
    const numbered = fitting.map((row, at) => ({ ...row, sys_import_row: String(first + at) }));
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
      const outcome = commented(
        transformRow({ store: this.#store, map: run.map, by, script }, source),
        source,
      );
      recordOutcome(this.#store, staging, run, outcome);
      return { map: run.map, outcome };
    });
    if (outcomes.length > 1) this.#outcomes.set(rowSysId, outcomes);
    return outcomes;
  }

  /** What several maps made of a row: the row itself only holds the last outcome. */
  outcomesOf(rowSysId: string): readonly MapOutcome[] | undefined {
    return this.#outcomes.get(rowSysId);
  }

  /** Writes the counts of a set that goes on taking rows. */
  saveRuns(set: OpenSet): void {
    for (const run of set.runs.values()) run.save();
  }

  /** Marks a set as loaded: an asynchronous one waits from now on for the transformer job. */
  loaded(set: OpenSet, by: Author, runAfter?: string): void {
    const load_completed = toDateTime(this.#clock.now());
    this.#store.assign('sys_import_set', set.sysId, { state: 'loaded', load_completed });
    this.#await(set, by, runAfter);
  }

  /** Goes on with the sets that waited for the transformer job, or were half done, when the instance went down. */
  resume(): void {
    const where = `t0."mode" = 'asynchronous' AND t0."state" = 'loaded'`;
    for (const row of this.#store.select('sys_import_set', { where, orderBy: 't0."number"' }))
      this.#await(openSetOf(this.#store, row), system, row['run_after'] || undefined);
    this.#deleter.arm();
  }

  #await(set: OpenSet, by: Author, runAfter: string | undefined): void {
    const start = () => this.#schedule(set, by);
    if (runAfter !== undefined && this.#isUnfinished(runAfter)) this.#successors.follow(runAfter, start);
    else start();
  }

  /** Closes the histories and marks the set as processed; sets that run after it may start. */
  finish(set: OpenSet): void {
    for (const run of set.runs.values()) run.complete(this.#clock.now());
    this.#markProcessed(set);
  }

  #markProcessed(set: OpenSet): void {
    this.#waiting.delete(set.sysId);
    this.#store.assign('sys_import_set', set.sysId, { state: 'processed' });
    this.#successors.release(set.sysId);
  }

  /** Takes rows without transforming them, as if the first map had inserted them all; keeps them, or counts them. */
  sink(set: OpenSet, rows: readonly Row[], by: Author): void {
    const runs = this.#runsOf(set);
    const [first] = runs;
    const marks = {
      sys_import_state: 'inserted',
      ...(first && { sys_target_table: first.map.targetTable, sys_transform_map: first.map.sysId }),
      ...(first && { import_set_run: first.sysId }),
    };
    if (this.#switches.sinkKeepsRows) this.append(set, rows, by, marks);
    else this.#ledger.wroteMany('insert', set.table, rows.length);
    for (const run of runs) run.count('inserted', rows.length);
    this.finish(set);
  }

  /** Called when a set was changed through another API: one that is now loaded waits for the transformer too. */
  noticeChange(setId: string): void {
    const row = this.#store.find('sys_import_set', setId);
    if (row?.['state'] !== 'loaded' || row['mode'] !== 'asynchronous' || this.#waiting.has(setId)) return;
    this.#schedule(openSetOf(this.#store, row), system);
  }

  /** Drops the transform maps that were read; they are read again when next needed. */
  forgetMaps(): void {
    this.#maps.forget();
  }

  /** Forgets open sets and abandons transforms under way, as before the tables are emptied or closed. */
  abandon(): void {
    this.#generation += 1;
    this.#loading.clear();
    this.#successors.clear();
    this.#deleter.disarm();
    this.#outcomes.clear();
    this.#maps.forget();
    this.#waiting.clear();
  }

  #runsOf(set: OpenSet): RunHistory[] {
    return this.#maps.of(set.table).map((map) => {
      const known = set.runs.get(map.sysId);
      if (known) {
        known.map = map;
        return known;
      }
      const sysId = this.#store.newSysId('sys_import_set_run');
      const run = new RunHistory(this.#store, set.sysId, map, sysId, this.#clock.now());
      set.runs.set(map.sysId, run);
      return run;
    });
  }

  #schedule(set: OpenSet, by: Author): void {
    const generation = this.#generation;
    this.#waiting.add(set.sysId);
    this.#clock.at(this.#clock.now() + this.#switches.transformDelayMs, async () => {
      if (generation !== this.#generation) return;
      const job = `Asynchronous Import Set Transformer ${set.number}`;
      const entry = this.#ledger.openJob(job, this.#clock.now());
      await this.#ledger.during(entry, () => this.#transformOrAbort(set, by, generation));
    });
  }

  /** A transform that fails half-way records it in its history; the remaining rows stay pending. */
  async #transformOrAbort(set: OpenSet, by: Author, generation: number): Promise<void> {
    try {
      await this.#transformAll(set, by, generation);
    } catch (cause) {
      for (const run of set.runs.values()) run.abort(this.#clock.now());
      this.#markProcessed(set);
      throw cause;
    }
  }

  /** In slices, so that the instance keeps answering and a polling client sees rows finish gradually. */
  async #transformAll(set: OpenSet, by: Author, generation: number): Promise<void> {
    const pending = this.#runsOf(set).length === 0 ? [] : pendingRows(this.#store, set);
    for (let from = 0; from < pending.length; from += rowsPerSlice) {
      this.#store.transaction(() => {
        for (const sysId of pending.slice(from, from + rowsPerSlice)) this.transform(set, sysId, by);
        this.saveRuns(set);
      });
      await nextTurn();
      if (generation !== this.#generation) return;
    }
    this.finish(set);
  }

  #isUnfinished(setId: string): boolean {
    return ['loading', 'loaded'].includes(this.#stateOf(setId) ?? '');
  }

  #stateOf(setId: string): string | undefined {
    return this.#store.find('sys_import_set', setId)?.['state'];
  }
}

/** A comment that the caller gave the row comes before what the transform has to say (recorded). */
function commented(outcome: Outcome, { sys_import_state_comment: given = '' }: Row): Outcome {
  return { ...outcome, comment: [given, outcome.comment].filter(Boolean).join(';') };
}
