import type { Schema } from '../schema/schema.ts';
import { matches } from './policies.ts';
import type { Row } from './row.ts';

/**
 * The entries of sys_journal_field that writing these values to a row makes: one per journal column that holds text.
 * On a row whose journals are closed, as those of a closed incident are, there are none: nothing is stored, nothing
 * is said.
 */
export function journalEntries(schema: Schema, table: string, row: Row, values: Row): Row[] {
  const closed = schema.ancestry(table).find((at) => at.journalsClosedWhen)?.journalsClosedWhen;
  if (closed && matches(row, closed)) return [];
  return schema
    .columns(table)
    .filter((column) => column.kind === 'journal' && (values[column.name] ?? '') !== '')
    .map(({ name: element }) => ({
      element,
      element_id: row['sys_id'] ?? '',
      name: table,
      value: values[element] ?? '',
    }));
}
