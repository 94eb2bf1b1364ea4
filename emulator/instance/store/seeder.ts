import type { Row } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import { sysIdOf } from '../sys-ids.ts';
import { isJournal } from './compose.ts';
import { journalEntries } from './journal.ts';
import type { Rows } from './rows.ts';

/** Writes a row as it is given, system columns and all; only what is missing is filled in. */
export type Seeder = (values: Row) => void;

type Seeding = {
  readonly store: { readonly schema: Schema; seeder(table: string): Seeder };
  readonly rows: Rows;
  readonly table: string;
  /** The row that an insert without any value makes, but for its sys_id and number. */
  readonly blank: Row;
  readonly draw: { sysId(): string; number(): string };
};

/** What the rows lack is taken from the one blank. */
export function seederOf({ store, rows, table, blank, draw }: Seeding): Seeder {
  const insert = rows.inserter(table, blank);
  const journals = store.schema.columns(table).filter(isJournal);
  const isNumbered = blank['number'] === '';
  const isTask = 'task_effective_number' in blank;
  let seedEntry: Seeder | undefined;
  return (values) => {
    const row: Row = { ...values, sys_id: values['sys_id'] || draw.sysId() };
    if (isNumbered && !row['number']) row['number'] = draw.number();
    if (isTask) row['task_effective_number'] ??= row['number'] ?? '';
    insert(row);
    if (!journals.some(({ name }) => row[name])) return;
    seedEntry ??= store.seeder('sys_journal_field');
    for (const entry of seededEntries(store.schema, table, { ...blank, ...row })) seedEntry(entry);
  };
}

/** What a seeded row holds in its journal columns becomes entries of the time and user of its last update. */
function seededEntries(schema: Schema, table: string, row: Row): Row[] {
  const sysId = row['sys_id'] ?? '';
  const when = { sys_created_on: row['sys_updated_on'] ?? '', sys_created_by: row['sys_updated_by'] ?? '' };
  return journalEntries(schema, table, { sys_id: sysId }, row).map((entry) => ({
    ...entry,
    ...when,
    sys_id: sysIdOf(sysId, entry['element'] ?? '', entry['value'] ?? ''),
  }));
}
