import type { ImportState } from '../import-state.ts';
import { readLedger } from '../loading/ledger.ts';
import { lineList } from '../loading/line-runs.ts';
import { groupName, type ImportFolder } from '../work-folder.ts';
import { mergeMessages } from './frequent-messages.ts';
import { rejectedResults } from './rejected-results.ts';
import { type LineResult, resultLine } from './results-csv.ts';
import { addTally, emptyTally } from './tally.ts';

const message = 'the import was given up before its verdict was read';

/** After an import was given up: lines that were read and have no verdict count as unknown. */
export async function abandonGroups(folder: ImportFolder, state: ImportState): Promise<ImportState> {
  let after = state;
  for (let group = state.settledGroups; ; group++) {
    const ledger = await readLedger(folder, group);
    if (!ledger) return after;
    const lines = ledger.chunks.flatMap((chunk) => (chunk ? lineList(chunk.lines) : []));
    const results = lines.map((line): LineResult => ({ line, outcome: 'unknown', message }));
    if (ledger.next) results.push(...(await rejectedResults(folder, group)));
    results.sort((a, b) => a.line - b.line);
    await folder.write(groupName('results', group), results.map(resultLine).join(''), 'text/csv');
    const isNew = group >= state.loadedGroups;
    const tally = { ...emptyTally(), unknown: lines.length, rejected: ledger.next ? ledger.rejected : 0 };
    after = {
      ...after,
      rows: after.rows + (isNew ? lines.length : 0),
      rejected: after.rejected + (isNew && ledger.next ? ledger.rejected : 0),
      loadedGroups: Math.max(after.loadedGroups, group + 1),
      settledGroups: group + 1,
      tally: addTally(after.tally, tally),
      messages: mergeMessages(after.messages, [
        { outcome: 'unknown', message, count: lines.length, lines: lines.slice(0, 5) },
      ]),
    };
  }
}
