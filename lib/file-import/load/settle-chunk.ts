import type { ImportScope } from '../import-scope.ts';
import type { ImportPlan } from '../plan.ts';
import type { Chunk } from './chunk.ts';
import { lineList, lineRuns } from './line-runs.ts';
import { countStoredLines, findStoredLines, seesRows } from './settle-by-key.ts';
import { rowsOf, type UnclaimedSets } from './settle-by-sets.ts';

/** What of a chunk is still to be sent after its first sending was looked up. */
export type Settled =
  | { readonly kind: 'stored'; readonly sets: readonly string[] }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'send'; readonly chunk: Chunk; readonly sets: readonly string[] };

/** What settles the chunks of a group whose first sending was broken off. */
export type Settling = {
  /** Undefined where rows are settled by their keys. */
  readonly unclaimed: UnclaimedSets | undefined;
  /** Some rows of this import are certainly in the staging table. */
  readonly hasStored: boolean;
};

/**
 * Asks the instance what became of a chunk whose answer was lost (or of which nobody knows whether it was sent): by
 * the key that each row carries, else by the import sets of this load that nobody claimed.
 */
export async function settleChunk(
  scope: ImportScope,
  plan: ImportPlan,
  chunk: Chunk,
  settling: Settling,
): Promise<Settled> {
  if (plan.keyColumn !== undefined) return settleByKey(scope, plan, plan.keyColumn, chunk, settling);
  const claim = (await settling.unclaimed?.claim(chunk)) ?? 'unsure';
  if (claim === 'none') return { kind: 'send', chunk, sets: [] };
  if (claim !== 'unsure') return { kind: 'stored', sets: [claim.importSetId] };
  return plan.settings.resendUnknown ? { kind: 'send', chunk, sets: [] } : { kind: 'unknown' };
}

async function settleByKey(
  scope: ImportScope,
  plan: ImportPlan,
  keyColumn: string,
  chunk: Chunk,
  { hasStored }: Settling,
): Promise<Settled> {
  const lines = lineList(chunk.lines);
  const stored = await findStoredLines(scope, plan, keyColumn, lines);
  const sets = [...new Set(stored.values())];
  const missing = lines.filter((line) => !stored.has(line));
  if (missing.length === 0) return { kind: 'stored', sets };
  // What access rules hide looks like nothing there.
  const hidden = await countStoredLines(scope, plan, keyColumn, missing);
  if (hidden >= missing.length) return { kind: 'stored', sets };
  const isHidden = hidden > 0 || (stored.size === 0 && hasStored && !(await seesRows(scope, plan)));
  if (isHidden && !plan.settings.resendUnknown) return { kind: 'unknown' };
  return { kind: 'send', chunk: withoutLines(chunk, new Set(stored.keys())), sets };
}

/** The rows of a chunk that are on other lines. */
export function withoutLines(chunk: Chunk, left: ReadonlySet<number>): Chunk {
  return left.size === 0 ? chunk : filterLines(chunk, (line) => !left.has(line));
}

/** The rows of a chunk on the lines that pass. */
export function filterLines(chunk: Chunk, passes: (line: number) => boolean): Chunk {
  const all = lineList(chunk.lines);
  const records = rowsOf(chunk.body).filter((_, i) => passes(all[i] ?? 0));
  const lines = lineRuns(all.filter(passes));
  return { body: Buffer.from(JSON.stringify({ records })), rows: records.length, lines, next: chunk.next };
}
