import type { Store } from '../store/store.ts';
import { toDateTime } from '../time/date-time.ts';
import type { Outcome } from './outcome.ts';
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

  /** Closes the history of a transform that broke off; the counts stay as they were saved last. */
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
