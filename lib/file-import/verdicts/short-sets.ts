import { lineList } from '../encode/chunk.ts';
import { callContext, type ImportScope } from '../import-scope.ts';
import { listCounted } from '../instance-rows.ts';
import type { SentChunk } from '../load/ledger.ts';
import type { LineResult } from '../load/row-outcome.ts';
import type { ImportPlan } from '../plan/import-plan.ts';

/** Where rows stand in their import sets. */
export type RowPlaces = {
  /** The number of the first row of a set, 0 or 1; undefined when it cannot be told. */
  readonly first: number | undefined;
  /** The highest number that was seen in each set. */
  readonly highest: ReadonlyMap<string, number>;
};

/**
 * Corrects the verdicts on chunks of which the instance kept fewer rows than it was sent: it skips a row that is too
 * long (ServiceNow docs, "Maximum row size") and numbers those behind it on, so that a place in the set tells nothing
 * any more. Rows that are only hidden from the user are still counted.
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
    for (const verdict of verdictsOf(plan, chunk, kept, verdicts)) verdicts.set(verdict.line, verdict);
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
  plan: ImportPlan,
  { lines, rows }: SentChunk,
  kept: number,
  verdicts: ReadonlyMap<number, LineResult>,
): LineResult[] {
  const all = lineList(lines);
  if (plan.keyColumn === undefined) {
    const message = `the instance kept ${kept} of the ${rows} rows of its request, and only with a keyColumn it can be told which; a row over 8,126 bytes is skipped`;
    return all.map((line) => ({ line, outcome: 'unknown', message }));
  }
  const missing = all.filter((line) => !verdicts.has(line));
  if (missing.length > rows - kept) return [];
  const message = 'the instance did not keep the row; one over 8,126 bytes is skipped';
  return missing.map((line) => ({ line, outcome: 'error', message }));
}
