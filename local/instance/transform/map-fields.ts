import type { Column } from '../schema/table.ts';
import type { Author, Row } from '../store/row.ts';
import type { Store } from '../store/store.ts';
import { RowRejected } from './outcome.ts';
import { readDate } from './read-date.ts';
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
    const value = given === '' || given === emptyMarker ? '' : targetValue(store, field, column, given, by);
    if (value !== undefined) values[field.target] = value;
  }
  return values;
}

function targetValue(
  store: Store,
  field: FieldMap,
  column: Column,
  given: string,
  by: Author,
): string | undefined {
  if (column.kind === 'reference') return resolveReference(store, field, column, given, by);
  if (column.choices) return chosen(field, column, given);
  if (column.kind === 'boolean') return /^(true|1|yes|y)$/i.test(given) ? 'true' : 'false';
  if (column.kind === 'date' || column.kind === 'date_time')
    return readDate(given, field.dateFormat, column.kind);
  return given;
}

/** A choice by its value or its label. */
function chosen(field: FieldMap, column: Column, given: string): string | undefined {
  const wanted = given.toLowerCase();
  const known = column.choices?.find(
    (choice) => choice.value.toLowerCase() === wanted || choice.label.toLowerCase() === wanted,
  );
  if (known) return known.value;
  if (field.choiceAction === 'reject') {
    throw new RowRejected(
      '200',
      `Choice rejected: ${field.source} = ${given} is no choice of ${field.target}`,
    );
  }
  return undefined;
}
