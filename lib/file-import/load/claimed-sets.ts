import type { ImportFolder } from '../work-folder.ts';
import { importSetsOf, readLedger } from './ledger.ts';

/** Import sets of the groups before `group`: they are accounted for. */
export async function claimedSets(folder: ImportFolder, group: number): Promise<Set<string>> {
  const claimed = new Set<string>();
  for (let before = group - 1; before >= 0; before--) {
    const ledger = await readLedger(folder, before);
    for (const set of importSetsOf(ledger?.chunks ?? [])) claimed.add(set);
  }
  return claimed;
}
