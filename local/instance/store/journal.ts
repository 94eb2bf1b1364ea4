import type { Schema } from '../schema/schema.ts';
import type { Row } from './row.ts';

/** The entries of sys_journal_field that writing these values to a row makes: one per journal column that holds text. */
export function journalEntries(schema: Schema, table: string, sysId: string, values: Row): Row[] {
  return schema
    .columns(table)
    .filter((column) => column.kind === 'journal' && (values[column.name] ?? '') !== '')
    .map(({ name: element }) => ({ element, element_id: sysId, name: table, value: values[element] ?? '' }));
}
