import { createHash } from 'node:crypto';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { type Chunk, rowsOf } from '../encode/chunk.ts';
import type { InstanceRow } from '../instance.ts';
import { callContext, type ImportScope, listCounted, pageRows } from '../instance.ts';
import type { ImportPlan, ValueKind } from '../plan/import-plan.ts';

/** A column in which a row that was sent and one that is stored can be compared. */
export type ComparedColumn = {
  readonly column: string;
  readonly jsonKey: string;
  readonly kind: ValueKind | 'text';
};

/** What a chunk's rows are recognised by. */
export type ChunkPrint = {
  /** Columns that are compared: all that were sent, but those whose values the instance may keep in another form. */
  readonly columns: readonly ComparedColumn[];
  /** True when every column that was sent is compared. */
  readonly isWhole: boolean;
  /** One for each row, in their order. */
  readonly rows: readonly string[];
  /** Equal for chunks that cannot be distinguished. */
  readonly digest: string;
};

/** Every column that rows are sent with. */
export function sentColumns({ row }: ImportPlan): ComparedColumn[] {
  const columns = new Map<string, ComparedColumn>();
  for (const target of [...row.targets, ...(row.constantTargets ?? [])])
    if (target) {
      const kind = target.kind ?? (target.isTyped ? 'other' : 'text');
      columns.set(target.column, { column: target.column, jsonKey: target.jsonKey, kind });
    }
  return [...columns.values()];
}

/** Recognises the rows of a chunk. A value that was left out is empty in the table. */
export function printChunk(plan: ImportPlan, chunk: Chunk): ChunkPrint {
  const rows = rowsOf(chunk.body);
  const sent = sentColumns(plan);
  const columns = sent.filter(({ jsonKey, kind }) =>
    rows.every((row) => inOwnForm(kind, row[jsonKey] ?? '') !== undefined),
  );
  const prints = rows.map((row) => printRow(columns, ({ jsonKey }) => row[jsonKey] ?? ''));
  const digest = createHash('sha256')
    .update(JSON.stringify([columns, prints]))
    .digest('base64');
  return { columns, isWhole: columns.length === sent.length, rows: prints, digest };
}

/** Recognises a stored row by the same columns. */
export function printStored(columns: readonly ComparedColumn[], row: InstanceRow): string {
  return printRow(columns, ({ column }) => row[column] ?? '');
}

function printRow(columns: readonly ComparedColumn[], read: (column: ComparedColumn) => string): string {
  const values = columns.map((column) => {
    const value = read(column);
    return inOwnForm(column.kind, value) ?? value;
  });
  return createHash('sha256').update(JSON.stringify(values)).digest('base64');
}

/**
 * A value in the form that an instance gives it back in, and which stays the same when it is stored again: `007` in an integer
 * column is `7`. Undefined where that cannot be determined from the value alone.
 */
function inOwnForm(kind: ComparedColumn['kind'], value: string): string | undefined {
  const trimmed = value.replaceAll(/\r\n?/g, '\n').trim();
  switch (kind) {
    case 'text':
      return trimmed;
    case 'integer':
      return trimmed === '' || /^[+-]?\d{1,15}$/.test(trimmed)
        ? trimmed && String(Number(trimmed))
        : undefined;
    case 'decimal':
      return trimmed === '' || /^[+-]?\d{1,12}(\.\d{1,2}0*)?$/.test(trimmed)
        ? trimmed && String(Number(trimmed))
        : undefined;
    case 'boolean':
      return booleans.get(trimmed.toLowerCase());
    case 'date':
      return /^(\d{4}-\d\d-\d\d)?$/.test(trimmed) ? trimmed : undefined;
    case 'date_time':
      return /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?$/.test(trimmed) ? trimmed : undefined;
    case 'other':
      return undefined;
  }
}

const booleans: ReadonlyMap<string, string> = new Map([
  ['true', 'true'],
  ['1', 'true'],
  ['false', 'false'],
  ['0', 'false'],
]);

/**
 * Finds the rows that were sent among those that were stored in the same order, where some were left out.
 * @returns the place of each stored row among those that were sent; undefined when one was not sent
 */
export function placesOf(sent: readonly string[], stored: readonly string[]): number[] | undefined {
  const places: number[] = [];
  let from = 0;
  for (const print of stored) {
    const place = sent.indexOf(print, from);
    if (place < 0) return undefined;
    places.push(place);
    from = place + 1;
  }
  return places;
}

/** Rows asked for at once. */
const pageSize = 2_000;

export type StoredPrints = (
  importSetId: string,
  columns: readonly ComparedColumn[],
) => Promise<{ readonly prints: readonly string[]; readonly total: number }>;

/** Reads the rows of a set once for each choice of columns. */
export function storedPrints(scope: ImportScope, plan: ImportPlan): StoredPrints {
  const known = new Map<string, ReturnType<StoredPrints>>();
  return (importSetId, columns) => {
    const key = `${importSetId} ${columns.map(({ column }) => column).join()}`;
    const reading = known.get(key) ?? readPrints(scope, plan, importSetId, columns);
    known.set(key, reading);
    return reading;
  };
}

async function readPrints(
  scope: ImportScope,
  plan: ImportPlan,
  importSetId: string,
  columns: readonly ComparedColumn[],
): ReturnType<StoredPrints> {
  const rows = await readSetRows(
    scope,
    plan,
    [importSetId],
    columns.map(({ column }) => column),
  );
  const count = {
    table: plan.request.table,
    query: encodedQuery().where('sys_import_set', '=', importSetId).toString(),
    fields: ['sys_id'],
    limit: 1,
  };
  const { total } = await listCounted(scope.client, count, callContext(scope));
  return { prints: rows.map((row) => printStored(columns, row)), total: Math.max(total, rows.length) };
}

/** The rows of some import sets in the order in which they were stored, with these columns. */
export async function readSetRows(
  scope: ImportScope,
  plan: ImportPlan,
  importSetIds: readonly string[],
  columns: readonly string[],
): Promise<InstanceRow[]> {
  const query = {
    table: plan.request.table,
    query: encodedQuery().oneOf('sys_import_set', importSetIds).toString(),
    fields: [...new Set(['sys_id', 'sys_import_set', 'sys_import_row', ...columns])],
    limit: pageSize,
  };
  const rows: InstanceRow[] = [];
  for await (const page of pageRows(scope, query)) rows.push(...page);
  const order = new Map(importSetIds.map((id, i) => [id, i]));
  const setOf = (row: InstanceRow) => order.get(row['sys_import_set'] ?? '') ?? 0;
  return rows.sort(
    (a, b) => setOf(a) - setOf(b) || Number(a['sys_import_row']) - Number(b['sys_import_row']),
  );
}
