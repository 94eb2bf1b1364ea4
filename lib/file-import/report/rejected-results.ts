import { groupName, type ImportFolder } from '../work-folder.ts';
import type { LineResult } from './results-csv.ts';

/** The rows of a group that were not sent, as results. */
export async function rejectedResults(folder: ImportFolder, group: number): Promise<LineResult[]> {
  const stored = await folder.read(groupName('rejected', group));
  return (stored?.split('\n') ?? []).map((text) => {
    const { line, reason }: { line: number; reason: string } = JSON.parse(text);
    return { line, outcome: 'rejected', message: reason };
  });
}
