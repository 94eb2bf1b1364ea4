import type { Store } from '../store/store.ts';
import { toDateTime } from '../time/dates.ts';
import type { Outcome } from './map-row.ts';
import type { TransformMap } from './transform-map.ts';

const columnOf = {
  inserted: 'inserts',
  updated: 'updates',
  ignored: 'ignored',
  skipped: 'skipped',
  error: 'errors',
} as const;

/** One sys_import_set_run: what one transform map made of one import set. */
export class RunHistory {
  readonly sysId: string;
  /** As it was when the last row was transformed. */
  map: TransformMap;
  readonly #store: Store;
  readonly #startedMs: number;
  readonly #counts = { total: 0, inserts: 0, updates: 0, ignored: 0, skipped: 0, errors: 0 };

  /** Opens the history with the state `running`. */
  constructor(store: Store, setId: string, map: TransformMap, sysId: string, nowMs: number) {
    this.#store = store;
    this.#startedMs = nowMs;
    this.sysId = sysId;
    this.map = map;
    store.seed('sys_import_set_run', {
      sys_id: sysId,
      set: setId,
      sys_transform_map: map.sysId,
      state: 'running',
    });
  }

  count(state: Outcome['state'], rows = 1): void {
    this.#counts.total += rows;
    this.#counts[columnOf[state]] += rows;
  }

  /** Writes the counts, leaving the state as it is. */
  save(): void {
    this.#store.assign('sys_import_set_run', this.sysId, this.#countsAsText());
  }

  /** Writes the counts and closes the history. */
  complete(nowMs: number): void {
    this.#close(nowMs, this.#counts.errors > 0 ? 'complete_with_errors' : 'complete');
  }

  /** Closes the history of a transform that was interrupted; the counts stay as they were saved last. */
  abort(nowMs: number): void {
    this.#close(nowMs, 'did_not_complete', {});
  }

  #close(nowMs: number, state: string, counts = this.#countsAsText()): void {
    this.#store.assign('sys_import_set_run', this.sysId, {
      ...counts,
      state,
      completed: toDateTime(nowMs),
      run_time: `${Math.round((nowMs - this.#startedMs) / 1000)} Seconds`,
    });
  }

  #countsAsText(): Record<string, string> {
    return Object.fromEntries(Object.entries(this.#counts).map(([name, count]) => [name, String(count)]));
  }
}

/** The staging row an outcome belongs to. */
export type StagingRow = { readonly table: string; readonly sysId: string; readonly setId: string };

/** Notes an outcome where an instance does: on the staging row, in the history, and as a row error. */
export function recordOutcome(store: Store, staging: StagingRow, run: RunHistory, outcome: Outcome): void {
  run.count(outcome.state);
  store.assign(staging.table, staging.sysId, {
    sys_import_state: outcome.state,
    sys_import_state_comment: outcome.comment,
    sys_target_table: run.map.targetTable,
    sys_target_sys_id: outcome.sysId ?? '',
    sys_transform_map: run.map.sysId,
    import_set_run: run.sysId,
    sys_row_error: outcome.error ? insertRowError(store, staging, run, outcome.error) : '',
  });
}

function insertRowError(
  store: Store,
  staging: StagingRow,
  run: RunHistory,
  error: NonNullable<Outcome['error']>,
): string {
  const sysId = store.newSysId('sys_import_set_row_error');
  store.seed('sys_import_set_row_error', {
    sys_id: sysId,
    import_set: staging.setId,
    import_set_run: run.sysId,
    table_name: staging.table,
    row: staging.sysId,
    error: error.code,
    error_message: error.message,
  });
  return sysId;
}
