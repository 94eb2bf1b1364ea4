import type { LoadLedger, SentChunk } from '../loading/ledger.ts';
import { linesOf } from '../loading/line-runs.ts';
import { groupName, type ImportFolder } from '../work-folder.ts';
import type { FrequentMessage } from './frequent-messages.ts';
import { GroupResults } from './group-results.ts';
import type { LineResult, Verdict } from './results-csv.ts';
import type { Tally } from './tally.ts';

/** What a group's lines came to. */
export type GroupVerdict = { readonly tally: Tally; readonly messages: readonly FrequentMessage[] };

/** The lines of a group: those in its ledger, which were read to be sent, and those that were rejected. */
export type GroupLines = { readonly ledger: LoadLedger; readonly rejected: readonly LineResult[] };

/** Stores a group's part of `results.csv`, all lines in their order, and which of them failed in ServiceNow. */
export async function writeGroup(
  folder: ImportFolder,
  group: number,
  lines: GroupLines,
  verdictsOf: (chunk: SentChunk) => (line: number) => Verdict,
): Promise<GroupVerdict> {
  const { csv, failed, tally, messages } = collect(lines, verdictsOf);
  await folder.write(groupName('results', group), csv, 'text/csv');
  if (failed.length > 0) await folder.write(groupName('failed', group), JSON.stringify(failed));
  return { tally, messages };
}

function collect(
  { ledger, rejected }: GroupLines,
  verdictsOf: (chunk: SentChunk) => (line: number) => Verdict,
): GroupResults {
  const results = new GroupResults();
  let next = 0;
  const rejectedBefore = (line: number) => {
    for (let one = rejected[next]; one && one.line < line; one = rejected[++next]) results.add(one.line, one);
  };
  for (const chunk of ledger.chunks) {
    if (!chunk) continue;
    const verdictOf = verdictsOf(chunk);
    for (const line of linesOf(chunk.lines)) {
      rejectedBefore(line);
      results.add(line, verdictOf(line));
    }
  }
  rejectedBefore(Number.POSITIVE_INFINITY);
  return results;
}
