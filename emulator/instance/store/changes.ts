import type { Schema } from '../schema/schema.ts';
import { isJournal, isOwnedByPlatform } from './compose.ts';
import { withinChoices } from './defaults.ts';
import type { Row } from './row.ts';
import type { Rows } from './rows.ts';

/** What of the given values would change the row: columns a caller may write, as they would be read back. */
export function changesTo(schema: Schema, rows: Rows, table: string, before: Row, values: Row): Row {
  const changes: Row = {};
  for (const [name, given] of Object.entries(values)) {
    const column = schema.column(table, name);
    if (!column || isOwnedByPlatform(name) || isJournal(column)) continue;
    const value = rows.normalize(column, withinChoices(column, given));
    if (value !== (before[name] ?? '')) changes[name] = value;
  }
  return changes;
}
