import { invalidTable } from '../../http/failure.ts';
import type { Schema } from '../../schema/schema.ts';

/** @throws Failure 400 when there is no such table, or it is none that takes import rows. */
export function requireStagingTable(schema: Schema, table: string): string {
  const isStaging = schema.ancestry(table).some((above) => above.name === 'sys_import_set_row');
  if (!isStaging || table === 'sys_import_set_row') throw invalidTable(table);
  return table;
}
