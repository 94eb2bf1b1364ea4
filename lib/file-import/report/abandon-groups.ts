import type { ImportState } from '../import-state.ts';
import { importSetsOf, knownChunks, readLedger } from '../load/ledger.ts';
import type { ImportFolder } from '../work-folder.ts';
import { chunkVerdicts } from './chunk-verdicts.ts';
import { mergeMessages } from './frequent-messages.ts';
import { GroupLines } from './group-lines.ts';
import { beginPart, writePart } from './parts.ts';
import { rejectedResults } from './rejected-results.ts';
import type { Verdict } from './results-csv.ts';
import { ResultsPart } from './results-part.ts';
import { addTally, tallied } from './tally.ts';

const unread: Verdict = {
  outcome: 'unknown',
  message: 'the import was given up before its verdict was read',
};

/** After an import was given up: rows that the instance has and whose verdict was not read count as unknown. */
export async function abandonGroups(folder: ImportFolder, state: ImportState): Promise<ImportState> {
  const part = new ResultsPart();
  let after = state;
  for (let group = state.settledGroups; ; group++) {
    const ledger = await readLedger(folder, group);
    if (!ledger) return after;
    await beginPart(folder, part, group);
    const lines = new GroupLines(part, ledger.next ? await rejectedResults(folder, group) : []);
    await lines.add(knownChunks(ledger), (chunk) => chunkVerdicts(chunk, new Map(), unread));
    lines.end();
    const { tally, messages } = await writePart(folder, group, part);
    const isNew = group >= state.loadedGroups;
    after = {
      ...after,
      rows: after.rows + (isNew ? tallied(tally) - tally.rejected : 0),
      rejected: after.rejected + (isNew ? tally.rejected : 0),
      importSets: after.importSets + (isNew ? importSetsOf(ledger.chunks).length : 0),
      loadedGroups: Math.max(after.loadedGroups, group + 1),
      settledGroups: group + 1,
      tally: addTally(after.tally, tally),
      messages: mergeMessages(after.messages, messages),
    };
  }
}
