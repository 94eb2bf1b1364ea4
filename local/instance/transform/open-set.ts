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
