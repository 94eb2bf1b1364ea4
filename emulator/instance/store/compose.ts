import type { Schema } from '../schema/schema.ts';
import { classColumn, systemColumns } from '../schema/system-columns.ts';
import type { Column } from '../schema/table.ts';
import { toDateTime } from '../time/date-time.ts';
import { defaultOf, withinChoices } from './defaults.ts';
import type { Author, Row } from './row.ts';

const ownedByPlatform = new Set([...systemColumns, classColumn].map((column) => column.name));

/** Whether the platform alone writes the column; a caller may give a sys_id on insert, nothing else of these. */
export const isOwnedByPlatform = (name: string) => ownedByPlatform.has(name);

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
    sys_id: values['sys_id'] || draw.sysId(),
    sys_created_on: now,
    sys_created_by: by.userName,
    sys_updated_on: now,
    sys_updated_by: by.userName,
    sys_mod_count: '0',
    ...(schema.column(table, classColumn.name) && { [classColumn.name]: table }),
  };
}
