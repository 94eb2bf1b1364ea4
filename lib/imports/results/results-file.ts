import { groupName, type ImportFolder } from '../work-folder.ts';
import { resultsHeader } from './results-csv.ts';

/** Joins the parts of the groups to `results.csv` as they come in: none is ever whole in memory. */
export async function writeResultsCsv(folder: ImportFolder, groups: number): Promise<void> {
  await folder.writeStream('results.csv', parts(folder, groups), 'text/csv; charset=utf-8');
}

async function* parts(folder: ImportFolder, groups: number): AsyncGenerator<Uint8Array> {
  yield Buffer.from(resultsHeader);
  for (let group = 0; group < groups; group++) {
    const part = await folder.readPieces(groupName('results', group));
    if (part) yield* part;
  }
}
