import type { Column } from '../schema/table.ts';
import type { Row } from '../store/row.ts';
import { showDateTime } from '../time/date-style.ts';
import type { Viewer } from './viewer.ts';

/**
 * All entries of a journal column, newest first, each `yyyy-MM-dd HH:mm:ss - Name (Additional comments)\n<text>\n\n`.
 * A journal list shows those of every journal column of the row.
 */
export function journalHistory(viewer: Viewer, column: Column, row: Row): string {
  const entries = viewer.journalOf(row['sys_id'] ?? '');
  const own =
    column.kind === 'journal' ? entries.filter((entry) => entry['element'] === column.name) : entries;
  return own.map((entry) => describe(viewer, entry)).join('');
}

function describe(viewer: Viewer, entry: Row): string {
  const when = showDateTime(entry['sys_created_on'] ?? '', viewer.dateStyle);
  const author = entry['sys_created_by'] ?? '';
  const name = viewer.follow('sys_user', author, 'user_name')?.['name'] || author;
  const label =
    viewer.store.schema.column(entry['name'] ?? '', entry['element'] ?? '')?.label ?? entry['element'];
  return `${when} - ${name} (${label})\n${entry['value']}\n\n`;
}
