import { DateTime } from 'luxon';
import type { Author, Row } from '../row.ts';
import type { Column } from '../schema/table.ts';
import type { Store } from '../store/store.ts';
import type { FieldMap, TransformMap } from './transform-map.ts';

/** Codes of sys_import_set_row_error. */
export type RowErrorCode = '100' | '200' | '300' | '800' | '900';

/** What one transform map made of one staging row. */
export type Outcome = {
  readonly state: 'inserted' | 'updated' | 'ignored' | 'skipped' | 'error';
  /** The target record, when there is one. */
  readonly sysId?: string;
  /** Becomes sys_import_state_comment, and `status_message` in the answer. */
  readonly comment: string;
  /** For `error`: becomes `error_message` in the answer. */
  readonly error?: { readonly code: RowErrorCode; readonly message: string };
  /** Keys that a transform script added to the answer. */
  readonly extra?: Readonly<Record<string, string>>;
};

/** Ends the transform of one row with the state `error`. */
export class RowRejected extends Error {
  override readonly name = 'RowRejected';
  readonly code: RowErrorCode;

  constructor(code: RowErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const platformFormats = { date: 'yyyy-MM-dd', date_time: 'yyyy-MM-dd HH:mm:ss' } as const;

/**
 * A source date in the platform's form, UTC. Read by the field map's format, or by the platform's own, with or
 * without the time of day.
 *
 * @returns undefined when it cannot be read: the column is then left alone, as on an instance.
 */
function readDate(given: string, format: string, kind: 'date' | 'date_time'): string | undefined {
  const formats = format === '' ? [platformFormats.date_time, platformFormats.date] : [format];
  for (const candidate of formats) {
    const read = DateTime.fromFormat(given, candidate, { zone: 'utc' });
    if (read.isValid) return read.toFormat(platformFormats[kind]);
  }
  return undefined;
}

/**
 * The choice that a source value names, by its value or its label, without regard to case. One that is not there
 * becomes a new choice, unless the column holds numbers.
 *
 * @returns undefined when there is none and the choice action is to ignore that.
 * @throws RowRejected when there is none and the choice action is to reject the row.
 */
function resolveChoice(
  store: Store,
  table: string,
  field: FieldMap,
  column: Column,
  given: string,
): string | undefined {
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
  if (field.choiceAction === 'ignore' || column.kind !== 'choice') return undefined;
  store.schema.addChoice(table, column.name, { value: given, label: given });
  store.seed('sys_choice', { name: table, element: column.name, value: given, label: given });
  return given;
}

/**
 * The key of the record that a source value names: by sys_id, else by the field map's referenced value field or the
 * referenced table's display column, without regard to case.
 *
 * @returns undefined when there is none and the choice action is to ignore that, or there is no such table.
 * @throws RowRejected when there is none and the choice action is to reject the row.
 */
function resolveReference(
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

/** How a row stands to the records that are there: no coalesce field, none filled, no match, or a match. */
export type Coalesced =
  | { readonly kind: 'none' }
  | { readonly kind: 'empty'; readonly fields: readonly string[] }
  | { readonly kind: 'match' | 'no-match'; readonly row?: Row };

/**
 * Looks for the record to update. All coalesce fields must match; the first hit counts; text compares without
 * regard to case unless the field map says so (ServiceNow docs, "Updating records using coalesce"). An empty field
 * takes no part unless its map coalesces on empty values.
 */
export function findCoalesced(store: Store, map: TransformMap, values: Row): Coalesced {
  const coalesce = map.fields.filter(
    (field) => field.coalesce && store.schema.column(map.targetTable, field.target),
  );
  if (coalesce.length === 0) return { kind: 'none' };
  const filled = coalesce.filter((field) => (values[field.target] ?? '') !== '' || field.coalesceEmpty);
  if (filled.length === 0) return { kind: 'empty', fields: coalesce.map((field) => field.source) };
  const hits = store.select(map.targetTable, {
    where: filled.map((field) => condition(field, values)).join(' AND '),
    params: filled.flatMap((field) => values[field.target] || []),
  });
  const row = hits.find((hit) =>
    filled.every((field) => !field.caseSensitive || sameCase(field, hit, values)),
  );
  return row ? { kind: 'match', row } : { kind: 'no-match' };
}

function condition(field: FieldMap, values: Row): string {
  return (values[field.target] ?? '') === '' ? `t0."${field.target}" IS NULL` : `t0."${field.target}" = ?`;
}

function sameCase(field: FieldMap, hit: Row, values: Row): boolean {
  return (hit[field.target] ?? '') === (values[field.target] ?? '');
}
