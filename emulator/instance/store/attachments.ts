import type { Row, Selection } from '../row.ts';

/** What is needed of the store. */
type Removal = {
  select(table: string, selection: Selection): Row[];
  remove(table: string, sysId: string): boolean;
};

const parts = [
  ['sys_attachment_doc', 'sys_attachment'],
  ['sys_attachment_attribute', 'attachment'],
] as const;

/** Removes what goes with a row that is gone: its attachments, and with an attachment its bytes and attributes. */
export function removeDependents(store: Removal, table: string, sysId: string): void {
  const of = (column: string) => ({ where: `t0."${column}" = ?`, params: [sysId], columns: ['sys_id'] });
  if (table === 'sys_attachment') {
    for (const [part, column] of parts) removeAll(store, part, store.select(part, of(column)));
    return;
  }
  removeAll(store, 'sys_attachment', store.select('sys_attachment', of('table_sys_id')));
}

function removeAll(store: Removal, table: string, rows: readonly Row[]): void {
  for (const row of rows) store.remove(table, row['sys_id'] ?? '');
}
