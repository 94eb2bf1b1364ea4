import type { Schema } from '../../schema/schema.ts';
import type { Store } from '../../store/store.ts';
import type { ImportSetMode } from '../../transform/open-set.ts';

/** How insertMultiple treats one staging table: by its row in sys_rest_insert_multiple, else by default. */
export type InsertMultipleRules = {
  readonly mode: ImportSetMode;
  /** The staging column that a key of the body means; undefined when it means none, and is dropped. */
  columnOf(key: string): string | undefined;
};

/** Labels and asynchronous by default; the table's sys_rest_insert_multiple row can switch both. */
export function rulesFor(store: Store, table: string): InsertMultipleRules {
  const row = store.select('sys_rest_insert_multiple', {
    where: 't0."source_table" = ?',
    params: [table],
    limit: 1,
  })[0];
  const mode = row?.['transformation'] === 'synchronous' ? 'synchronous' : 'asynchronous';
  const columns = keysOf(store.schema, table, row ?? {});
  return { mode, columnOf: (key) => columns.get(key) };
}

function keysOf(schema: Schema, table: string, row: Record<string, string>): Map<string, string> {
  const own = schema.columns(table).filter((column) => !column.name.startsWith('sys_'));
  if (row['use_data_source_format'] === 'true') {
    return new Map(
      own.flatMap(({ name, label }) => [
        [label, name],
        [name, name],
        [withoutPrefix(name), name],
      ]),
    );
  }
  if (row['column_mapping'] === 'column_name') return new Map(own.map(({ name }) => [name, name]));
  return new Map(own.map(({ name, label }) => [label, name]));
}

/** `u_first_name` is what a data source makes of a header `first_name`. */
function withoutPrefix(name: string): string {
  return name.replace(/^u_/, '');
}
