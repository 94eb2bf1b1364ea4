import type * as z from 'zod';
import { lazySchema } from '../lazy-schema.ts';
import type { Row } from '../row.ts';
import { scriptedRuleReason } from './base-rules.ts';
import type { Seeder } from './seeder.ts';
import type { Store } from './store.ts';

/** The sys_id of the row that has this one's sys_id or unique value already. */
function presentAs(store: Store, table: string, row: Row): string | undefined {
  const { sys_id: sysId = '' } = row;
  if (sysId !== '' && store.classOf(table, sysId) !== undefined) return sysId;
  for (const { name, unique } of store.schema.columns(table)) {
    const value = unique ? row[name] : undefined;
    const found = value ? store.findBy(table, name, value)?.['sys_id'] : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Writes the rows that an instance ships with, which need no check and meet no others. */
export function seedShipped(store: Store, document: DataDocument): void {
  store.transaction(() => {
    for (const [table, rows] of Object.entries(document)) {
      const seed = store.seeder(table);
      for (const row of rows) seed(toRow(row));
    }
  });
}

/** What `--data` reads: rows by table, each with stored values by column; sys_id and number may be left out. */
export const dataDocument = lazySchema((z) => {
  const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
  return z.record(z.string(), z.array(z.record(z.string(), cell)));
});

export type DataDocument = z.input<ReturnType<typeof dataDocument>>;

/**
 * Writes the rows of a document into the store, all or none. A row whose sys_id or unique value is there already, such
 * as the user `admin`, is changed; its sys_id too, with every reference to it.
 * @throws Error naming the table, the row and the column that the schema does not know, or the row that is refused.
 */
export function seedRows(store: Store, document: DataDocument): void {
  store.transaction(() => {
    for (const [table, rows] of Object.entries(document)) {
      if (!store.schema.table(table)) throw new Error(`data: there is no table ${table}`);
      const seed = store.seeder(table);
      const written = new Set<string>();
      for (const [at, row] of rows.entries()) {
        const where = `data: ${table}[${at}]`;
        requireColumns(store, table, row, where);
        const reason = table === 'sys_script' ? scriptedRuleReason(toRow(row)) : undefined;
        if (reason !== undefined) throw new Error(`${where}: ${reason}`);
        seedRow(store, table, seed, toRow(row), written, where);
      }
    }
  });
}

function requireColumns(store: Store, table: string, row: object, where: string): void {
  const unknown = Object.keys(row).find((column) => !store.schema.column(table, column));
  if (unknown !== undefined) throw new Error(`${where}: table ${table} has no column ${unknown}`);
}

function toRow(given: DataDocument[string][number]): Row {
  const row: Row = {};
  for (const name in given) row[name] = String(given[name] ?? '');
  return row;
}

/** A row that is there from before the document is changed; `written` are the sys_ids that the document gave. */
function seedRow(
  store: Store,
  table: string,
  seed: Seeder,
  row: Row,
  written: Set<string>,
  where: string,
): void {
  try {
    const present = presentAs(store, table, row);
    const { sys_id: sysId = '' } = row;
    if (present === undefined || written.has(present)) seed(row);
    else store.reassign(table, present, row);
    if (sysId !== '') written.add(sysId);
  } catch (cause) {
    throw new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
