import { readLedger } from '../loading/ledger.ts';
import type { ImportFolder } from '../work-folder.ts';
import type { ImportSummary } from './summary.ts';

/** A long load has thousands of import sets; so many of them are named in the summary. */
const maxNamed = 200;

export async function collectImportSets(
  folder: ImportFolder,
  groups: number,
): Promise<ImportSummary['importSets']> {
  const first: string[] = [];
  const all = new Set<string>();
  for (let group = 0; group < groups; group++) {
    const ledger = await readLedger(folder, group);
    for (const chunk of ledger?.chunks ?? []) {
      for (const set of chunk?.sets ?? []) {
        if (first.length < maxNamed && !all.has(set)) first.push(set);
        all.add(set);
      }
    }
  }
  return { count: all.size, first };
}
