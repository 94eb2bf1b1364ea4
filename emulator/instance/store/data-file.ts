import type * as z from 'zod';
import { lazySchema } from '../lazy-schema.ts';
import type { Seeder } from './seeder.ts';
import type { Store } from './store.ts';

/** What `--data` reads: rows by table, each with stored values by column; sys_id and number may be left out. */
export const dataDocument = lazySchema((z) => {
  const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
  return z.record(z.string(), z.array(z.record(z.string(), cell)));
});

export type DataDocument = z.input<ReturnType<typeof dataDocument>>;

/**
 * Writes the rows of a document into the store, all or none.
 * @throws Error naming the table, the row and the column that the schema does not know, or the row that is refused.
 */
export function seedRows(store: Store, document: DataDocument): void {
  store.transaction(() => {
    for (const [table, rows] of Object.entries(document)) {
      if (!store.schema.table(table)) throw new Error(`data: there is no table ${table}`);
      const seed = store.seeder(table);
      for (const [at, row] of rows.entries()) {
        const where = `data: ${table}[${at}]`;
        requireColumns(store, table, row, where);
        seedRow(seed, row, where);
      }
    }
  });
}

function requireColumns(store: Store, table: string, row: object, where: string): void {
  const unknown = Object.keys(row).find((column) => !store.schema.column(table, column));
  if (unknown !== undefined) throw new Error(`${where}: table ${table} has no column ${unknown}`);
}

function seedRow(seed: Seeder, row: DataDocument[string][number], where: string): void {
  const values = Object.entries(row).map(([column, value]) => [column, value === null ? '' : String(value)]);
  try {
    seed(Object.fromEntries(values));
  } catch (cause) {
    throw new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
