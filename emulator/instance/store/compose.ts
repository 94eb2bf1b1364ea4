import type { Author, Row } from '../row.ts';
import { classColumn, systemColumns } from '../schema/columns.ts';
import type { Schema } from '../schema/schema.ts';
import type { Column } from '../schema/table.ts';
import { toDateTime } from '../time/dates.ts';

/** The value that a column gets when an insert leaves it out. */
function defaultOf(column: Column, by: Author, nowMs: number): string {
  switch (column.defaultValue) {
    case undefined:
      return column.kind === 'boolean' ? 'false' : '';
    case 'javascript:gs.getUserID()':
      return by.sysId;
    case 'javascript:gs.nowDateTime()':
      return toDateTime(nowMs);
    default:
      return column.defaultValue;
  }
}

/** Whether a row that is inserted without a value for the column gets the time there. */
export const isTimed = ({ name, defaultValue }: Column) =>
  name === 'sys_created_on' || name === 'sys_updated_on' || defaultValue === 'javascript:gs.nowDateTime()';

/** A text outside the column's choices is silently dropped to empty; an unknown integer is kept. */
export function withinChoices(column: Column, value: string): string {
  if (!column.choices || value === '' || column.kind === 'integer') return value;
  return column.choices.some((choice) => choice.value === value) ? value : '';
}

const ownedByPlatform = new Set([...systemColumns, classColumn].map((column) => column.name));

/** A longer one is cut, as any text is at the length of its column. */
const sysIdLength = 32;

/** Whether the platform alone writes the column; a caller may give a sys_id on insert, nothing else of these. */
const isOwnedByPlatform = (name: string) => ownedByPlatform.has(name);

/** Journal columns hold nothing themselves: what is written to them becomes an entry of sys_journal_field. */
export const isJournal = (column: Column) => column.kind === 'journal' || column.kind === 'journal_list';

/** A new row: the given values within their choices, defaults for the rest, and the system columns. */
export function composeRow(
  schema: Schema,
  table: string,
  values: Row,
  by: Author,
  draw: { sysId(): string; number(): string; nowMs: number },
): Row {
  const row: Row = {};
  for (const column of schema.columns(table)) {
    if (isOwnedByPlatform(column.name)) continue;
    const given = values[column.name] ?? defaultOf(column, by, draw.nowMs);
    row[column.name] = isJournal(column) ? '' : withinChoices(column, given);
  }
  if (row['number'] === '') row['number'] = draw.number();
  const now = toDateTime(draw.nowMs);
  return {
    ...row,
    sys_id: values['sys_id']?.slice(0, sysIdLength) || draw.sysId(),
    sys_created_on: now,
    sys_created_by: by.userName,
    sys_updated_on: now,
    sys_updated_by: by.userName,
    sys_mod_count: '0',
    ...(schema.column(table, classColumn.name) && { [classColumn.name]: table }),
  };
}

/** What of the given values would change the row: columns a caller may write, as they would be read back. */
export function changesTo(
  schema: Schema,
  rows: { normalize(column: Column, value: string): string },
  table: string,
  before: Row,
  values: Row,
): Row {
  const changes: Row = {};
  for (const [name, given] of Object.entries(values)) {
    const column = schema.column(table, name);
    if (!column || isOwnedByPlatform(name) || isJournal(column)) continue;
    const value = rows.normalize(column, withinChoices(column, given));
    if (value !== (before[name] ?? '')) changes[name] = value;
  }
  return changes;
}
