import { leastPartBytes } from '../../aws/s3-join.ts';
import { smallGroups } from '../load/group-sizes.ts';
import { groupName, type ImportFolder, isOfKind, type WorkObject } from '../work-folder.ts';
import type { FrequentMessage } from './frequent-messages.ts';
import { resultsHeader } from './results-csv.ts';
import type { ResultsPart } from './results-part.ts';
import type { Tally } from './tally.ts';

/** What a group's lines came to. */
export type GroupVerdict = { readonly tally: Tally; readonly messages: readonly FrequentMessage[] };

/**
 * Makes the part ready for the lines of a group. Where the one before is that of a small group, with which an import begins,
 * and not large enough for S3 to copy, the new one holds its lines too.
 */
export async function beginPart(folder: ImportFolder, part: ResultsPart, group: number): Promise<void> {
  if (group === 0) return part.begin(group, resultsHeader);
  if (group >= smallGroups) return part.begin(group, '');
  const before = group - 1;
  if (part.group !== before) part.begin(before, (await folder.read(groupName('results', before))) ?? '');
  if (part.csv.length < leastPartBytes) part.goOn(group);
  else part.begin(group, '');
}

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

/** Joins the parts to `results.csv`. An import that loaded nothing has none. */
export async function joinParts(folder: ImportFolder, work: readonly WorkObject[]): Promise<void> {
  const all = work.filter(({ name }) => isOfKind('results', name));
  const isInNext = (size: number, group: number) =>
    size < leastPartBytes && group + 1 < Math.min(all.length, smallGroups);
  const parts = all.filter(({ size }, group) => !isInNext(size, group));
  const contentType = 'text/csv; charset=utf-8';
  if (parts.length === 0) await folder.write('results.csv', resultsHeader, contentType);
  else await folder.join('results.csv', parts, contentType);
}
