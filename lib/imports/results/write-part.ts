import { groupName, type ImportFolder } from '../work-folder.ts';
import type { FrequentMessage } from './frequent-messages.ts';
import type { ResultsPart } from './results-part.ts';
import type { Tally } from './tally.ts';

/** What a group's lines came to. */
export type GroupVerdict = { readonly tally: Tally; readonly messages: readonly FrequentMessage[] };

/** Stores a group's part of `results.csv`, and which of its lines failed in ServiceNow. */
export async function writePart(
  folder: ImportFolder,
  group: number,
  { csv, failed, tally, messages }: ResultsPart,
): Promise<GroupVerdict> {
  await folder.write(groupName('results', group), csv, 'text/csv');
  if (failed.length > 0) await folder.write(groupName('failed', group), JSON.stringify(failed));
  return { tally, messages };
}
