import type { ImportScope } from '../import-scope.ts';
import { type LoadLedger, readLedger, type SentChunk } from '../loading/ledger.ts';
import { lineList } from '../loading/line-runs.ts';
import type { ImportPlan } from '../plan.ts';
import { type FrequentMessage, noteMessage } from '../results/frequent-messages.ts';
import { rejectedResults } from '../results/rejected-results.ts';
import { type LineResult, resultLine } from '../results/results-csv.ts';
import { emptyTally, type Outcome, type Tally } from '../results/tally.ts';
import { groupName, type ImportFolder } from '../work-folder.ts';
import { countPending, readVerdicts } from './read-group.ts';
import { readUniformOutcomes } from './read-histories.ts';

/** What a group's lines came to. */
export type GroupVerdict = { readonly tally: Tally; readonly messages: readonly FrequentMessage[] };

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
    ...ledger.chunks.flatMap((chunk) => (chunk ? chunkResults(chunk, sent, histories) : [])),
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

function chunkResults(
  chunk: SentChunk,
  verdicts: ReadonlyMap<number, LineResult>,
  histories: ReadonlyMap<string, Outcome>,
): LineResult[] {
  const atOnce = new Map(chunk.verdicts?.map((verdict) => [verdict.line, verdict]));
  const doubtful = new Set(lineList(chunk.doubtful ?? []));
  const counted = chunk.sets.length === 1 ? histories.get(chunk.sets[0] ?? '') : undefined;
  const otherwise: Omit<LineResult, 'line'> =
    counted === undefined
      ? withoutVerdict(chunk)
      : { outcome: counted, message: 'its row cannot be seen; counted by the transform history' };
  return lineList(chunk.lines).map(
    (line) =>
      atOnce.get(line) ??
      verdicts.get(line) ??
      (doubtful.has(line) ? { line, ...lostAnswer } : { line, ...otherwise }),
  );
}

const lostAnswer = {
  outcome: 'unknown',
  message: 'the answer to its request was lost and could not be settled',
} as const;

function withoutVerdict(chunk: SentChunk): Omit<LineResult, 'line'> {
  switch (chunk.state) {
    case 'refused':
      return { outcome: 'error', message: chunk.message ?? 'the instance refused the request' };
    case 'not-sent':
    case 'interrupted':
      return { outcome: 'notSent', message: 'the import had stopped' };
    case 'unknown':
    case 'lost':
      return lostAnswer;
    case 'stored':
      return {
        outcome: 'unknown',
        message: 'its staging row cannot be seen; is the user allowed to read the table?',
      };
  }
}

function summarise(results: readonly LineResult[]): GroupVerdict {
  const tally = emptyTally();
  const messages = new Map<string, FrequentMessage>();
  for (const { outcome, message, line } of results) {
    tally[outcome]++;
    const isGood = outcome === 'inserted' || outcome === 'updated' || outcome === 'ignored';
    if (!isGood) noteMessage(messages, outcome, message ?? '', line);
  }
  return { tally, messages: [...messages.values()].sort((a, b) => b.count - a.count) };
}
