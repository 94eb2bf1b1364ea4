import type { LoadLedger, SentChunk } from '../loading/ledger.ts';
import { linesOf } from '../loading/line-runs.ts';
import { groupName, type ImportFolder } from '../work-folder.ts';
import type { FrequentMessage } from './frequent-messages.ts';
import type { LineResult, Verdict } from './results-csv.ts';
import type { ResultsPart } from './results-part.ts';
import type { Tally } from './tally.ts';

/** What lines came to. */
export type PartVerdict = { readonly tally: Tally; readonly messages: readonly FrequentMessage[] };

/** The lines of a group: those in its ledger, which were read to be sent, and those that were rejected. */
export type GroupLines = { readonly ledger: LoadLedger; readonly rejected: readonly LineResult[] };

/** Adds all lines of a group in their order. */
export function addGroup(
  part: ResultsPart,
  { ledger, rejected }: GroupLines,
  verdictsOf: (chunk: SentChunk) => (line: number) => Verdict,
): void {
  let next = 0;
  const rejectedBefore = (line: number) => {
    for (let one = rejected[next]; one && one.line < line; one = rejected[++next]) part.add(one.line, one);
  };
  for (const chunk of ledger.chunks) {
    if (!chunk) continue;
    const verdictOf = verdictsOf(chunk);
    for (const line of linesOf(chunk.lines)) {
      rejectedBefore(line);
      part.add(line, verdictOf(line));
    }
  }
  rejectedBefore(Number.POSITIVE_INFINITY);
}

/** Stores a part of `results.csv` by its first group, and which of its lines failed in ServiceNow. */
export async function writePart(
  folder: ImportFolder,
  first: number,
  { csv, failed, tally, messages }: ResultsPart,
): Promise<PartVerdict> {
  await folder.write(groupName('results', first), csv, 'text/csv');
  if (failed.length > 0) await folder.write(groupName('failed', first), JSON.stringify(failed));
  return { tally, messages };
}
