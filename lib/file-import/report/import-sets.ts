import type { ImportState } from '../import-state.ts';
import { importSetsOf, readLedger } from '../load/ledger.ts';
import type { ImportFolder } from '../work-folder.ts';
import type { ImportSummary } from './summary.ts';

/** A long load has thousands of import sets; so many of them are named in the summary. */
const maxNamed = 200;

/** Names the first import sets beside the count of all. */
export async function collectImportSets(
  folder: ImportFolder,
  { importSets: count, loadedGroups }: ImportState,
): Promise<ImportSummary['importSets']> {
  const named = Math.min(count, maxNamed);
  const first: string[] = [];
  for (let group = 0; group < loadedGroups && first.length < named; group++) {
    const ledger = await readLedger(folder, group);
    if (ledger) first.push(...importSetsOf(ledger.chunks));
  }
  return { count, first: first.slice(0, named) };
}
