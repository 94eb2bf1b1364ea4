import { type ImportFolder, isOfKind, type WorkObject } from '../work-folder.ts';
import { resultsHeader } from './results-csv.ts';

/** Joins the parts to `results.csv`. An import that loaded nothing has none. */
export async function writeResultsCsv(folder: ImportFolder, work: readonly WorkObject[]): Promise<void> {
  const parts = work.filter(({ name }) => isOfKind('results', name));
  const contentType = 'text/csv; charset=utf-8';
  if (parts.length === 0) await folder.write('results.csv', resultsHeader, contentType);
  else await folder.join('results.csv', parts, contentType);
}
