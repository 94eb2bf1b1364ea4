import type { Column } from '../schema/table.ts';
import type { Author, Row } from '../store/row.ts';
import type { Store } from '../store/store.ts';
import { readDate } from './read-date.ts';
import { resolveChoice } from './resolve-choice.ts';
import { resolveReference } from './resolve-reference.ts';
import type { FieldMap, TransformMap } from './transform-map.ts';

/** In a source value this stands for "make the target empty". */
const emptyMarker = 'NULL';

/**
 * The values for the target record that the field maps make of a staging row. Columns that are to be left alone are
 * absent: empty sources (unless the map copies those), and references or choices that are to be ignored.
 *
 * @throws RowRejected when a reference or choice is not there and its choice action is `reject`.
 */
export function mapFields(store: Store, map: TransformMap, source: Row, by: Author): Row {
  const values: Row = {};
  for (const field of map.fields) {
    const column = store.schema.column(map.targetTable, field.target);
    const given = (source[field.source] ?? '').trim();
    if (!column || (given === '' && !map.copyEmptyFields)) continue;
    const value =
      given === '' || given === emptyMarker ? '' : targetValue(store, map, field, column, given, by);
    if (value !== undefined) values[field.target] = value;
  }
  return values;
}

function targetValue(
  store: Store,
  map: TransformMap,
  field: FieldMap,
  column: Column,
  given: string,
  by: Author,
): string | undefined {
  if (column.kind === 'reference') return resolveReference(store, field, column, given, by);
  if (column.choices) return resolveChoice(store, map.targetTable, field, column, given);
  if (column.kind === 'boolean') return /^(true|1|yes|y)$/i.test(given) ? 'true' : 'false';
  if (column.kind === 'date' || column.kind === 'date_time') {
    return readDate(given, field.dateFormat, column.kind);
  }
  return given;
}
