import type { Column } from '../schema/table.ts';
import type { Author } from '../store/row.ts';
import type { Store } from '../store/store.ts';
import { RowRejected } from './outcome.ts';
import type { FieldMap } from './transform-map.ts';

/**
 * The key of the record that a source value names: by sys_id, else by the field map's referenced value field or the
 * referenced table's display column, without regard to case.
 *
 * @returns undefined when there is none and the choice action is to ignore that, or there is no such table.
 * @throws RowRejected when there is none and the choice action is to reject the row.
 */
export function resolveReference(
  store: Store,
  field: FieldMap,
  column: Column,
  given: string,
  by: Author,
): string | undefined {
  const table = column.reference ?? '';
  if (!store.schema.table(table)) return undefined;
  const key = column.referenceKey ?? 'sys_id';
  const lookUp = field.referenceValueField || store.schema.displayColumn(table);
  const found = findBy(store, table, key, given) ?? findBy(store, table, lookUp, given);
  if (found) return found[key] ?? '';
  if (field.choiceAction === 'create') return store.insert(table, { [lookUp]: given }, by)[key] ?? '';
  if (field.choiceAction === 'ignore') return undefined;
  throw new RowRejected('100', `Reference rejected: ${field.source} = ${given} names no record of ${table}`);
}

function findBy(store: Store, table: string, column: string, value: string) {
  if (!store.schema.column(table, column)) return undefined;
  return store.select(table, { where: `t0."${column}" = ?`, params: [value], limit: 1 })[0];
}
