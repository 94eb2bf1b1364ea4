import type { Column } from '../schema/table.ts';
import { toDateTime } from '../time/date-time.ts';
import type { Author } from './row.ts';

/** The value that a column gets when an insert leaves it out. */
export function defaultOf(column: Column, by: Author, nowMs: number): string {
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

/** A text outside the column's choices is silently dropped to empty; an unknown integer is kept. */
export function withinChoices(column: Column, value: string): string {
  if (!column.choices || value === '' || column.kind === 'integer') return value;
  return column.choices.some((choice) => choice.value === value) ? value : '';
}
