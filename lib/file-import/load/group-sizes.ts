/**
 * So many rows and requests make a group: few operations for a long file, little to settle after a crash. Of 80,000 rows the
 * part of `results.csv` is large enough, as a rule, for S3 to copy it by itself in the end.
 */
export const groupLimits = { rows: 80_000, chunks: 400 };

/** The first groups are small, so that a file that is wrong throughout is found out early; together they are one of the others. */
const firstGroupsChunks = [10, 20, 40, 80, 250];

/** How many they are. */
export const smallGroups = firstGroupsChunks.length;

/** Requests of a group. */
export function chunksOf(group: number): number {
  return firstGroupsChunks[group] ?? groupLimits.chunks;
}
