import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { type Chunk, filterLines, type LineRuns, lineList } from '../encode/chunk.ts';
import { callContext, type ImportScope, listCounted, unlessHidden } from '../instance.ts';
import type { SentChunk } from '../load/ledger.ts';
import { closedSets } from '../load/reconcile-by-sets.ts';
import type { LineResult } from '../load/row-outcome.ts';
import { printChunk, printStored, readSetRows } from '../load/row-prints.ts';
import type { ImportPlan } from '../plan/import-plan.ts';

/** A staging row: its import set, and its `sys_import_row` there. */
export type NumberedRow = { readonly sysId: string; readonly set: string; readonly number: number };

/** Which line each staging row came from, where rows carry no keys. */
export type RowLines = {
  /** By sys_id of the staging row. */
  readonly lineOf: ReadonlyMap<string, number>;
  /** Verdicts on lines that have no staging row, or for which it cannot be determined which one it is. */
  readonly missing: readonly LineResult[];
};

/** The rows of a chunk that one import set holds. */
type Share = {
  readonly chunk: SentChunk;
  readonly set: string;
  readonly lines: LineRuns;
  readonly rows: number;
};

/**
 * Finds the line of each staging row of some import sets, where rows carry no keys. The numbers of the rows show it where they are
 * consecutive and as many as were sent, from whichever number the instance counts (docs/servicenow-contract.md 4.1). Where they are
 * not (rows hidden from the user, skipped by the instance, numbered with gaps or twice), rows are recognised by their content.
 * @param read the staging rows that the user sees
 * @param findSent the rows of a chunk as they were sent
 */
export async function linesByPlace(
  scope: ImportScope,
  plan: ImportPlan,
  chunks: readonly SentChunk[],
  read: readonly NumberedRow[],
  findSent: (chunk: SentChunk) => Promise<Chunk | undefined>,
): Promise<RowLines> {
  const rowsOf = new Map<string, NumberedRow[]>();
  for (const row of read) {
    const rows = rowsOf.get(row.set);
    if (rows) rows.push(row);
    else rowsOf.set(row.set, [row]);
  }
  const lineOf = new Map<string, number>();
  const missing: LineResult[] = [];
  const unclear: Share[] = [];
  const firsts = new Set<number>();
  for (const share of sharesOf(chunks)) {
    const rows = rowsOf.get(share.set);
    // For a set of which no row can be seen, the transform history may have the outcome.
    if (!rows) continue;
    const first = firstNumber(rows, share.rows);
    if (first === undefined) unclear.push(share);
    else {
      firsts.add(first);
      assignByNumber(rows, share.lines, first, lineOf);
    }
  }
  const usual = firsts.size === 1 ? [...firsts][0] : undefined;
  for (const share of unclear) {
    const rows = rowsOf.get(share.set) ?? [];
    const kept = await countSetRows(scope, plan, [share.set]);
    if (usual !== undefined && kept === share.rows && fits(rows, usual, share.rows))
      assignByNumber(rows, share.lines, usual, lineOf);
    else {
      const found = await recogniseRows(scope, plan, share, kept, await findSent(share.chunk));
      for (const [sysId, line] of found.lineOf) lineOf.set(sysId, line);
      missing.push(...found.missing);
    }
  }
  return { lineOf, missing };
}

function sharesOf(chunks: readonly SentChunk[]): Share[] {
  return chunks.flatMap((chunk) =>
    chunk.sets.map((set) => {
      const lines = chunk.setLines?.[set] ?? chunk.lines;
      return { chunk, set, lines, rows: lineList(lines).length };
    }),
  );
}

/** The number of the first row of a complete set; undefined when its rows are not numbered consecutively. */
function firstNumber(rows: readonly NumberedRow[], sent: number): number | undefined {
  const first = Math.min(...rows.map(({ number }) => number));
  return rows.length === sent && fits(rows, first, sent) ? first : undefined;
}

/** True when no number occurs twice and none is out of range. */
function fits(rows: readonly NumberedRow[], first: number, sent: number): boolean {
  const isInRange = rows.every(
    ({ number }) => Number.isInteger(number) && number >= first && number < first + sent,
  );
  return isInRange && new Set(rows.map(({ number }) => number)).size === rows.length;
}

function assignByNumber(
  rows: readonly NumberedRow[],
  lines: LineRuns,
  first: number,
  lineOf: Map<string, number>,
): void {
  const all = lineList(lines);
  for (const { sysId, number } of rows) {
    const line = all[number - first];
    if (line !== undefined) lineOf.set(sysId, line);
  }
}

/** Why a line has no staging row, where the instance kept fewer rows than it was sent. */
export const skipped = 'the instance did not keep the row; one over 8,126 bytes is skipped';

/** Compares the rows of a set with those that were sent, in all columns that can be compared. */
async function recogniseRows(
  scope: ImportScope,
  plan: ImportPlan,
  { set, lines, rows }: Share,
  kept: number,
  sent: Chunk | undefined,
): Promise<RowLines> {
  const all = lineList(lines);
  const message =
    kept < rows
      ? `the instance kept ${kept} of the ${rows} rows of its request, and only with a keyColumn it can be determined which; a row over 8,126 bytes is skipped`
      : 'the staging rows of its request cannot be assigned to their lines; with a keyColumn in _import.json they could be';
  const unknown = (line: number): LineResult => ({ line, outcome: 'unknown', message });
  const nothing = { lineOf: new Map(), missing: all.map(unknown) };
  if (!sent) return nothing;
  const wanted = new Set(all);
  const print = printChunk(
    plan,
    filterLines(sent, (line) => wanted.has(line)),
  );
  const columns = print.columns.map(({ column }) => column);
  if (columns.length === 0 || print.rows.length !== all.length) return nothing;
  const stored = await readSetRows(scope, plan, [set], columns);
  const linesOfPrint = groupBy(all, (_, place) => print.rows[place] ?? '');
  const storedOfPrint = groupBy(stored, (row) => printStored(print.columns, row));
  // A row that was not sent like this was changed by the instance: then nothing can be compared.
  for (const [row, some] of storedOfPrint)
    if (some.length > (linesOfPrint.get(row)?.length ?? 0)) return nothing;
  const isOrdered = new Set(stored.map((row) => row['sys_import_row'])).size === stored.length;
  const lineOf = new Map<string, number>();
  const missing: LineResult[] = [];
  for (const [row, ofLines] of linesOfPrint) {
    const found = storedOfPrint.get(row) ?? [];
    // Of alike rows it cannot be determined which one is missing, nor which is which without an order.
    if (found.length === ofLines.length && (found.length === 1 || isOrdered))
      for (const [i, line] of ofLines.entries()) lineOf.set(found[i]?.['sys_id'] ?? '', line);
    else if (found.length === 0 && stored.length === kept)
      missing.push(...ofLines.map((line): LineResult => ({ line, outcome: 'error', message: skipped })));
    else if (found.length > 0 || kept < rows) missing.push(...ofLines.map(unknown));
  }
  return { lineOf, missing };
}

function groupBy<T>(items: readonly T[], keyOf: (item: T, place: number) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const [place, item] of items.entries()) {
    const key = keyOf(item, place);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

/**
 * Verdicts on lines without a staging row, where rows carry keys: an error where the instance kept fewer rows than it was sent,
 * and as many as are missing were not kept. Rows that are only hidden from the user are still counted.
 */
export async function skippedByKey(
  scope: ImportScope,
  plan: ImportPlan,
  chunks: readonly SentChunk[],
  verdicts: ReadonlyMap<number, LineResult>,
): Promise<LineResult[]> {
  const errors: LineResult[] = [];
  for (const { state, sets, lines, rows } of chunks) {
    if (state !== 'stored') continue;
    const all = lineList(lines);
    const missing = all.filter((line) => !verdicts.has(line));
    if (missing.length === 0 || missing.length === all.length) continue;
    const kept = await countSetRows(scope, plan, sets);
    if (missing.length > rows - kept) continue;
    errors.push(...missing.map((line): LineResult => ({ line, outcome: 'error', message: skipped })));
  }
  return errors;
}

/**
 * Of import sets of which no row is seen: those that hold none, not even one that is hidden from the user. The rows of a set that is
 * not closed may not be stored yet, or not be shown; so that is asked first.
 * @param sets how many rows each was sent
 */
export async function emptySets(
  scope: ImportScope,
  plan: ImportPlan,
  sets: ReadonlyMap<string, number>,
): Promise<Set<string>> {
  const closed = [...(await closedSets(scope, [...sets.keys()]))];
  const sent = closed.reduce((sum, set) => sum + (sets.get(set) ?? 0), 0);
  const kept = sent === 0 ? undefined : await unlessHidden(() => countSetRows(scope, plan, closed));
  const empty = new Set<string>();
  if (kept === undefined || kept >= sent) return empty;
  for (const set of closed) if (kept === 0 || (await countSetRows(scope, plan, [set])) === 0) empty.add(set);
  return empty;
}

/**
 * Leaves those verdicts open that take a row for skipped where the transform histories of its import sets count it: then it was there,
 * and was deleted since, as by the table cleaner.
 */
export async function withoutDeleted(
  scope: ImportScope,
  plan: ImportPlan,
  chunks: readonly SentChunk[],
  missing: readonly LineResult[],
  countTransformed: (sets: readonly string[]) => Promise<number>,
): Promise<readonly LineResult[]> {
  const taken = new Set(missing.flatMap(({ line, message }) => (message === skipped ? [line] : [])));
  if (taken.size === 0) return missing;
  const deleted = new Set<number>();
  for (const { lines, sets } of chunks) {
    const ofChunk = lineList(lines).filter((line) => taken.has(line));
    if (ofChunk.length === 0) continue;
    const kept = await countSetRows(scope, plan, sets);
    if ((await countTransformed(sets)) > kept) for (const line of ofChunk) deleted.add(line);
  }
  const message =
    'its staging row was deleted before its verdict was read; look for its record on the instance';
  return missing.map((one) =>
    deleted.has(one.line) ? { line: one.line, outcome: 'unknown', message } : one,
  );
}

async function countSetRows(scope: ImportScope, plan: ImportPlan, sets: readonly string[]): Promise<number> {
  const query = encodedQuery().oneOf('sys_import_set', sets).toString();
  const rows = { table: plan.request.table, query, fields: ['sys_id'], limit: 1 };
  return (await listCounted(scope.client, rows, callContext(scope))).total;
}
