import { type Chunk, lineList } from '../encode/chunk.ts';
import { callContext, type ImportScope } from '../import-scope.ts';
import { listCounted } from '../instance-rows.ts';
import type { SentChunk } from '../load/ledger.ts';
import { readSetRows } from '../load/reconcile-by-sets.ts';
import type { LineResult } from '../load/row-outcome.ts';
import { placesOf, printChunk, printStored } from '../load/row-prints.ts';
import type { ImportPlan } from '../plan/import-plan.ts';

/** Where rows stand in their import sets. */
export type RowPlaces = {
  /** The number of the first row of a set, 0 or 1; undefined when it cannot be told. */
  readonly first: number | undefined;
  /** The highest number that was seen in each set. */
  readonly highest: ReadonlyMap<string, number>;
};

const skipped = 'the instance did not keep the row; one over 8,126 bytes is skipped';

/** Rows of import sets that hold fewer rows than were sent, where rows carry no keys. */
export type ShortSets = {
  /** The sets: the number of a row tells nothing there. */
  readonly sets: ReadonlySet<string>;
  /** By sys_id of the staging row: its line. */
  readonly lineOf: ReadonlyMap<string, number>;
  /** Verdicts on the lines of which no row was kept. */
  readonly missing: readonly LineResult[];
};

/**
 * The instance skips a row that is too long (ServiceNow docs, "Maximum row size") and numbers those behind it on. Without keys
 * the rows that it kept are recognised by their content.
 * @param findSent the rows of a chunk as they were sent
 */
export async function linesOfShortSets(
  scope: ImportScope,
  plan: ImportPlan,
  chunks: readonly SentChunk[],
  places: RowPlaces,
  findSent: (chunk: SentChunk) => Promise<Chunk | undefined>,
): Promise<ShortSets> {
  const sets = new Set<string>();
  const lineOf = new Map<string, number>();
  const missing: LineResult[] = [];
  if (plan.keyColumn !== undefined || plan.settings.mode === 'rows') return { sets, lineOf, missing };
  for (const chunk of chunks) {
    const kept = looksShort(plan, chunk, new Map(), places)
      ? await countRows(scope, plan, chunk.sets)
      : chunk.rows;
    if (kept >= chunk.rows) continue;
    for (const set of chunk.sets) sets.add(set);
    const found = await recogniseRows(scope, plan, chunk, kept, await findSent(chunk));
    for (const [sysId, line] of found.lineOf) lineOf.set(sysId, line);
    missing.push(...found.missing);
  }
  return { sets, lineOf, missing };
}

async function recogniseRows(
  scope: ImportScope,
  plan: ImportPlan,
  { lines, rows, sets }: SentChunk,
  kept: number,
  sent: Chunk | undefined,
): Promise<Omit<ShortSets, 'sets'>> {
  const all = lineList(lines);
  const message = `the instance kept ${kept} of the ${rows} rows of its request, and only with a keyColumn it can be told which; a row over 8,126 bytes is skipped`;
  const untold = { lineOf: new Map(), missing: all.map((line) => unknownLine(line, message)) };
  if (!sent || sets.length !== 1) return untold;
  const print = printChunk(plan, sent);
  const columns = print.columns.map(({ column }) => column);
  const stored = columns.length === 0 ? [] : await readSetRows(scope, plan, sets, columns);
  const prints = stored.map((row) => printStored(print.columns, row));
  const found = stored.length === kept ? placesOf(print.rows, prints) : undefined;
  if (!found) return untold;
  const inTable = countEach(prints);
  const inFile = countEach(print.rows);
  const lineOf = new Map<string, number>();
  const missing: LineResult[] = [];
  for (const [i, place] of found.entries()) {
    const row = print.rows[place] ?? '';
    // Of alike rows that were not all kept, nobody can tell which was.
    if (inTable.get(row) === inFile.get(row)) lineOf.set(stored[i]?.['sys_id'] ?? '', all[place] ?? 0);
  }
  for (const [place, row] of print.rows.entries()) {
    const count = inTable.get(row) ?? 0;
    if (count === 0) missing.push({ line: all[place] ?? 0, outcome: 'error', message: skipped });
    else if (count < (inFile.get(row) ?? 0)) missing.push(unknownLine(all[place] ?? 0, message));
  }
  return { lineOf, missing };
}

function countEach(prints: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const print of prints) counts.set(print, (counts.get(print) ?? 0) + 1);
  return counts;
}

function unknownLine(line: number, message: string): LineResult {
  return { line, outcome: 'unknown', message };
}

/**
 * Corrects the verdicts on chunks of which the instance kept fewer rows than it was sent, where rows carry keys. Rows that are
 * only hidden from the user are still counted.
 */
export async function judgeShortSets(
  scope: ImportScope,
  plan: ImportPlan,
  chunks: readonly SentChunk[],
  verdicts: Map<number, LineResult>,
  places: RowPlaces,
): Promise<void> {
  for (const chunk of chunks) {
    if (!looksShort(plan, chunk, verdicts, places)) continue;
    const kept = await countRows(scope, plan, chunk.sets);
    if (kept >= chunk.rows) continue;
    for (const verdict of verdictsOf(chunk, kept, verdicts)) verdicts.set(verdict.line, verdict);
  }
}

/** Some of its rows were seen, and not all can have been. */
function looksShort(
  plan: ImportPlan,
  chunk: SentChunk,
  verdicts: ReadonlyMap<number, LineResult>,
  { first = 1, highest }: RowPlaces,
): boolean {
  const counts = chunk.sets.flatMap((set) => {
    const number = highest.get(set);
    return number === undefined ? [] : number - first + 1;
  });
  if (chunk.state !== 'stored' || counts.length === 0) return false;
  if (plan.keyColumn !== undefined) return lineList(chunk.lines).some((line) => !verdicts.has(line));
  return counts.every((count) => count < chunk.rows);
}

async function countRows(scope: ImportScope, plan: ImportPlan, sets: readonly string[]): Promise<number> {
  const query = `sys_import_setIN${sets.join(',')}`;
  const rows = { table: plan.request.table, query, fields: ['sys_id'], limit: 1 };
  return (await listCounted(scope.client, rows, callContext(scope))).total;
}

function verdictsOf(
  { lines, rows }: SentChunk,
  kept: number,
  verdicts: ReadonlyMap<number, LineResult>,
): LineResult[] {
  const missing = lineList(lines).filter((line) => !verdicts.has(line));
  if (missing.length > rows - kept) return [];
  return missing.map((line) => ({ line, outcome: 'error', message: skipped }));
}
