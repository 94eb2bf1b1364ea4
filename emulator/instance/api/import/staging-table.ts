import type { Exchange } from '../../http/exchange.ts';
import { invalidTable } from '../../http/failure.ts';
import type { Schema } from '../../schema/schema.ts';
import type { InstanceState } from '../../state.ts';

/** Whether the table extends that of all staging rows. */
export function takesImportRows(schema: Schema, table: string): boolean {
  const extendsRow = schema.ancestry(table).some((above) => above.name === 'sys_import_set_row');
  return extendsRow && table !== 'sys_import_set_row';
}

/**
 * The staging table that the path names.
 * @throws Failure 400 when there is no such table, or it takes no import rows; 403 when no API on it is open to the
 *   caller.
 */
export function stagingTableOf(exchange: Exchange, { auth, schema }: InstanceState): string {
  const table = exchange.segments[1] ?? '';
  if (!takesImportRows(schema, table)) throw invalidTable(table);
  auth.access.requireApi(exchange.user, table);
  return table;
}
