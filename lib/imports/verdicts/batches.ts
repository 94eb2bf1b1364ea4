/** Ids or keys that one query names: 33 characters each in a URL that may have about 8,000 (contract 1.4). */
const namedAtOnce = 150;

/** What queries can name, in pieces. */
export function batchesOf(names: readonly string[]): string[][] {
  const batches: string[][] = [];
  for (let at = 0; at < names.length; at += namedAtOnce) batches.push(names.slice(at, at + namedAtOnce));
  return batches;
}
