import type { Row } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import type { Switches } from '../switches.ts';
import { matches } from './policies.ts';

type JournalSwitches = Pick<Switches, 'journalTextChanges' | 'journalMaxCharacters'>;

const asSent: JournalSwitches = { journalTextChanges: [], journalMaxCharacters: 0 };

const textChanges: Readonly<Record<string, (text: string) => string>> = {
  trim: (text) => text.trim(),
  collapse: (text) => text.replace(/[ \t]+/g, ' '),
  'escape-html': (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  crlf: (text) => text.replace(/\r?\n/g, '\r\n'),
  lf: (text) => text.replaceAll('\r\n', '\n'),
};

/** What the switch `journalTextChanges` may list. */
export const journalTextChanges: readonly string[] = Object.keys(textChanges);

function storedText(
  text: string,
  { journalTextChanges: changes, journalMaxCharacters: max }: JournalSwitches,
) {
  const changed = changes.reduce((so, name) => textChanges[name]?.(so) ?? so, text);
  return max === 0 ? changed : changed.slice(0, max);
}

/**
 * The entries of sys_journal_field that writing these values to a row makes: one per journal column that holds text.
 * On a row whose journals are closed, as those of a closed incident are, there are none: nothing is stored, nothing
 * is said.
 */
export function journalEntries(
  schema: Schema,
  table: string,
  row: Row,
  values: Row,
  switches: JournalSwitches = asSent,
): Row[] {
  const closed = schema.ancestry(table).find((at) => at.journalsClosedWhen)?.journalsClosedWhen;
  if (closed && matches(row, closed)) return [];
  return schema
    .columns(table)
    .filter((column) => column.kind === 'journal' && (values[column.name] ?? '') !== '')
    .map(({ name: element }) => ({
      element,
      element_id: row['sys_id'] ?? '',
      name: table,
      value: storedText(values[element] ?? '', switches),
    }));
}
