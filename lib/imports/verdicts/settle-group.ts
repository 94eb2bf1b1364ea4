import type { ImportScope } from '../import-scope.ts';
import { type LoadLedger, readLedger, type SentChunk } from '../loading/ledger.ts';
import { lineList } from '../loading/line-runs.ts';
import type { ImportPlan } from '../plan.ts';
import { rejectedResults } from '../results/rejected-results.ts';
import { type LineResult, resultLine } from '../results/results-csv.ts';
import type { Outcome } from '../results/tally.ts';
import { groupName, type ImportFolder } from '../work-folder.ts';
import { type CommonResult, chunkResults, type GroupVerdict, summarise } from './chunk-results.ts';
import { countPending, readVerdicts } from './read-group.ts';
import { readUniformOutcomes } from './read-histories.ts';

/**
 * Reads the verdicts of one group back and stores its part of `results.csv`.
 * @param patient false when the time limit is over: rows still pending then count as unknown
 * @returns how many rows are still pending when the group has to wait
 */
export async function settleGroup(
  scope: ImportScope,
  plan: ImportPlan,
  folder: ImportFolder,
  group: number,
  patient: boolean,
): Promise<GroupVerdict | { readonly pending: number }> {
  const ledger = await readLedger(folder, group);
  if (!ledger?.next) throw new Error(`group ${group} was not loaded to its end`);
  const pending = patient ? await countPending(scope, plan, ledger) : 0;
  if (pending > 0) return { pending };
  const sent = await readVerdicts(scope, plan, ledger);
  const histories = await readUniformOutcomes(scope, setsWithoutRows(ledger, sent));
  const rejected = ledger.rejected > 0 ? await rejectedResults(folder, group) : [];
  const results = [
    ...ledger.chunks.flatMap((chunk) => (chunk ? chunkResults(chunk, sent, unseen(chunk, histories)) : [])),
    ...rejected,
  ];
  results.sort((a, b) => a.line - b.line);
  await folder.write(groupName('results', group), results.map(resultLine).join(''), 'text/csv');
  await writeFailed(folder, group, results);
  return summarise(results);
}

/** Lines that ServiceNow did not take: they are given back in rejected.csv too. */
async function writeFailed(
  folder: ImportFolder,
  group: number,
  results: readonly LineResult[],
): Promise<void> {
  const failed = results.filter(({ outcome }) => outcome === 'error' || outcome === 'skipped');
  if (failed.length === 0) return;
  const reasons = failed.map(({ line, outcome, message }) => [
    line,
    `${outcome}: ${message || 'no reason given'}`,
  ]);
  await folder.write(groupName('failed', group), JSON.stringify(reasons));
}

/** Import sets that hold exactly one chunk of which no row was seen, and how many rows that are. */
function setsWithoutRows(ledger: LoadLedger, verdicts: ReadonlyMap<number, LineResult>): Map<string, number> {
  const sets = new Map<string, number>();
  for (const chunk of ledger.chunks) {
    const [set, ...more] = chunk?.state === 'stored' ? chunk.sets : [];
    if (!chunk || set === undefined || more.length > 0 || chunk.verdicts) continue;
    if (!lineList(chunk.lines).some((line) => verdicts.has(line))) sets.set(set, chunk.rows);
  }
  return sets;
}

/** What holds for rows of a chunk that cannot be seen. */
function unseen({ sets }: SentChunk, histories: ReadonlyMap<string, Outcome>): CommonResult {
  const counted = sets.length === 1 ? histories.get(sets[0] ?? '') : undefined;
  if (counted !== undefined)
    return { outcome: counted, message: 'its row cannot be seen; counted by the transform history' };
  return {
    outcome: 'unknown',
    message: 'its staging row cannot be seen; is the user allowed to read the table?',
  };
}
