import type { Row } from '../store/row.ts';
import type { Store } from '../store/store.ts';
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

/** A set as its sys_import_set row tells of it, whoever made that. */
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

/** A set that is still loading from before a restart, or that somebody opened through another API. */
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
