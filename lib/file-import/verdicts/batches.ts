/** Ids or keys that one query names: 35 characters each, comma included, in a URL that may have about 8,000 (contract 1.4). */
const namedAtOnce = 200;

/** What queries can name, in pieces. */
export function batchesOf(names: readonly string[]): string[][] {
  const batches: string[][] = [];
  for (let at = 0; at < names.length; at += namedAtOnce) batches.push(names.slice(at, at + namedAtOnce));
  return batches;
}

/** Rows whose verdicts are in memory at once, unless one chunk has more. */
const rowsAtOnce = 40_000;

/** Chunks whose verdicts are read together: as many as one query names, and not too many rows. */
export function slicesOf<Chunk extends { readonly rows: number }>(chunks: readonly Chunk[]): Chunk[][] {
  const slices: Chunk[][] = [];
  let [slice, rows]: [Chunk[], number] = [[], 0];
  for (const chunk of chunks) {
    if (slice.length >= namedAtOnce || (rows > 0 && rows + chunk.rows > rowsAtOnce)) {
      slices.push(slice);
      [slice, rows] = [[], 0];
    }
    slice.push(chunk);
    rows += chunk.rows;
  }
  return slice.length > 0 ? [...slices, slice] : slices;
}
