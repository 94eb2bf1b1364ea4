import type { Store } from '../store/store.ts';
import type { Outcome } from './outcome.ts';
import type { RunHistory } from './run-history.ts';

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
