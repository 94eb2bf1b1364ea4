import type { ImportState } from '../import-state.ts';
import { type LoadLedger, readLedger } from '../loading/ledger.ts';
import type { ImportFolder } from '../work-folder.ts';
import { chunkVerdicts } from './chunk-verdicts.ts';
import { mergeMessages } from './frequent-messages.ts';
import { rejectedResults } from './rejected-results.ts';
import type { Verdict } from './results-csv.ts';
import { ResultsPart } from './results-part.ts';
import { groupsOf, spanFrom } from './spans.ts';
import { addTally } from './tally.ts';
import { addGroup, writePart } from './write-part.ts';

const unread: Verdict = {
  outcome: 'unknown',
  message: 'the import was given up before its verdict was read',
};

/** After an import was given up: rows that the instance has and whose verdict was not read count as unknown. */
export async function abandonGroups(folder: ImportFolder, state: ImportState): Promise<ImportState> {
  const part = new ResultsPart();
  let after = state;
  for (;;) {
    const first = after.settledGroups;
    const ledgers = await readLedgers(folder, first);
    if (ledgers.length === 0) return after;
    after = await abandonSpan(folder, after, first, ledgers, part);
  }
}

/** Of a span's groups as many as there are: the last one may be of a group that was broken off. */
async function readLedgers(folder: ImportFolder, first: number): Promise<LoadLedger[]> {
  const ledgers: LoadLedger[] = [];
  for (const group of groupsOf(spanFrom(first, Number.POSITIVE_INFINITY))) {
    const ledger = await readLedger(folder, group);
    if (!ledger) break;
    ledgers.push(ledger);
  }
  return ledgers;
}

async function abandonSpan(
  folder: ImportFolder,
  state: ImportState,
  first: number,
  ledgers: readonly LoadLedger[],
  part: ResultsPart,
): Promise<ImportState> {
  part.begin(first === 0);
  let { rows, rejected } = state;
  for (const [index, ledger] of ledgers.entries()) {
    const group = first + index;
    const lines = { ledger, rejected: ledger.next ? await rejectedResults(folder, group) : [] };
    addGroup(part, lines, (chunk) => chunkVerdicts(chunk, new Map(), unread));
    if (group < state.loadedGroups) continue;
    rows += ledger.chunks.reduce((sum, chunk) => sum + (chunk?.rows ?? 0), 0);
    rejected += lines.rejected.length;
  }
  const { tally, messages } = await writePart(folder, first, part);
  const end = first + ledgers.length;
  return {
    ...state,
    rows,
    rejected,
    loadedGroups: Math.max(state.loadedGroups, end),
    settledGroups: end,
    tally: addTally(state.tally, tally),
    messages: mergeMessages(state.messages, messages),
  };
}
