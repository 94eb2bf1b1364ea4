import type { ImportState } from '../import-state.ts';
import { readLedger } from '../loading/ledger.ts';
import { chunkResults, summarise } from '../verdicts/chunk-results.ts';
import { groupName, type ImportFolder } from '../work-folder.ts';
import { mergeMessages } from './frequent-messages.ts';
import { rejectedResults } from './rejected-results.ts';
import { resultLine } from './results-csv.ts';
import { addTally } from './tally.ts';

const unread = {
  outcome: 'unknown',
  message: 'the import was given up before its verdict was read',
} as const;

/** After an import was given up: rows that the instance has and whose verdict was not read count as unknown. */
export async function abandonGroups(folder: ImportFolder, state: ImportState): Promise<ImportState> {
  let after = state;
  for (let group = state.settledGroups; ; group++) {
    const ledger = await readLedger(folder, group);
    if (!ledger) return after;
    const sent = ledger.chunks.flatMap((chunk) => (chunk ? chunkResults(chunk, new Map(), unread) : []));
    const rejected = ledger.next ? await rejectedResults(folder, group) : [];
    const results = [...sent, ...rejected].sort((a, b) => a.line - b.line);
    await folder.write(groupName('results', group), results.map(resultLine).join(''), 'text/csv');
    const { tally, messages } = summarise(results);
    const isNew = group >= state.loadedGroups;
    after = {
      ...after,
      rows: after.rows + (isNew ? sent.length : 0),
      rejected: after.rejected + (isNew ? rejected.length : 0),
      loadedGroups: Math.max(after.loadedGroups, group + 1),
      settledGroups: group + 1,
      tally: addTally(after.tally, tally),
      messages: mergeMessages(after.messages, messages),
    };
  }
}
