import type { ImportScope } from '../import-scope.ts';
import type { ClosedLedgers } from '../loading/closed-ledgers.ts';
import type { LoadLedger, SentChunk } from '../loading/ledger.ts';
import { linesOf } from '../loading/line-runs.ts';
import type { ImportPlan } from '../plan.ts';
import { chunkVerdicts } from '../results/chunk-verdicts.ts';
import { rejectedResults } from '../results/rejected-results.ts';
import type { LineResult, Verdict } from '../results/results-csv.ts';
import type { ResultsPart } from '../results/results-part.ts';
import { groupsOf, type Span } from '../results/spans.ts';
import type { Outcome } from '../results/tally.ts';
import { addGroup, type PartVerdict, writePart } from '../results/write-part.ts';
import type { ImportFolder } from '../work-folder.ts';
import { countPending, readVerdicts } from './read-group.ts';
import { readUniformOutcomes } from './read-histories.ts';

/** What reading verdicts works with. */
export type SettleTools = {
  readonly scope: ImportScope;
  readonly plan: ImportPlan;
  readonly folder: ImportFolder;
  readonly closed: ClosedLedgers;
  /** Where parts are gathered, one after another. */
  readonly part: ResultsPart;
};

/**
 * Reads the verdicts of a span's groups back and stores their part of `results.csv`.
 * @param patient false when the time limit is over: rows still pending then count as unknown
 * @returns how many rows are still pending when the span has to wait
 */
export async function settleSpan(
  { scope, plan, folder, closed, part }: SettleTools,
  span: Span,
  patient: boolean,
): Promise<PartVerdict | { readonly pending: number }> {
  const groups = await Promise.all(
    groupsOf(span).map(async (group) => ({ group, ledger: await closed.get(group) })),
  );
  const counts = patient ? groups.map(({ ledger }) => countPending(scope, plan, ledger)) : [];
  const pending = (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  if (pending > 0) return { pending };
  part.begin(span.first === 0);
  for (const { group, ledger } of groups) {
    const sent = await readVerdicts(scope, plan, ledger);
    const histories = await readUniformOutcomes(scope, setsWithoutRows(ledger, sent));
    const rejected = ledger.rejected > 0 ? await rejectedResults(folder, group) : [];
    addGroup(part, { ledger, rejected }, (chunk) => chunkVerdicts(chunk, sent, unseen(chunk, histories)));
  }
  return writePart(folder, span.first, part);
}

/** Import sets that hold exactly one chunk of which no row was seen, and how many rows that are. */
function setsWithoutRows(ledger: LoadLedger, verdicts: ReadonlyMap<number, LineResult>): Map<string, number> {
  const sets = new Map<string, number>();
  for (const chunk of ledger.chunks) {
    const [set, ...more] = chunk?.state === 'stored' ? chunk.sets : [];
    if (!chunk || set === undefined || more.length > 0 || chunk.verdicts) continue;
    if (!isAnySeen(chunk, verdicts)) sets.set(set, chunk.rows);
  }
  return sets;
}

function isAnySeen(chunk: SentChunk, verdicts: ReadonlyMap<number, LineResult>): boolean {
  if (verdicts.size === 0) return false;
  for (const line of linesOf(chunk.lines)) if (verdicts.has(line)) return true;
  return false;
}

/** What holds for rows of a chunk that cannot be seen. */
function unseen({ sets }: SentChunk, histories: ReadonlyMap<string, Outcome>): Verdict {
  const counted = sets.length === 1 ? histories.get(sets[0] ?? '') : undefined;
  if (counted !== undefined)
    return { outcome: counted, message: 'its row cannot be seen; counted by the transform history' };
  return {
    outcome: 'unknown',
    message: 'its staging row cannot be seen; is the user allowed to read the table?',
  };
}
