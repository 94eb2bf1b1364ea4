import { readLedger } from '../loading/ledger.ts';
import type { ImportFolder } from '../work-folder.ts';
import type { ImportSummary } from './summary.ts';

/** A long load has thousands of import sets; so many of them are named in the summary. */
const maxNamed = 200;
/** Ledgers read at once. */
const readAtOnce = 8;

export async function collectImportSets(
  folder: ImportFolder,
  groups: number,
): Promise<ImportSummary['importSets']> {
  const first: string[] = [];
  const all = new Set<string>();
  for (let from = 0; from < groups; from += readAtOnce) {
    const some = Array.from({ length: Math.min(readAtOnce, groups - from) }, (_, n) => from + n);
    const ledgers = await Promise.all(some.map((group) => readLedger(folder, group)));
    for (const set of ledgers.flatMap(
      (ledger) => ledger?.chunks.flatMap((chunk) => chunk?.sets ?? []) ?? [],
    )) {
      if (first.length < maxNamed && !all.has(set)) first.push(set);
      all.add(set);
    }
  }
  return { count: all.size, first };
}
