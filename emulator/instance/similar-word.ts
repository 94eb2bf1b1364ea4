/** The word that someone is likely to have meant: at most two letters were left out, added, changed or swapped, and half are right. */
export function similarWord(typed: string, words: readonly string[]): string | undefined {
  const ranked = words
    .map((word) => ({ word, edits: edits(typed, word) }))
    .toSorted((a, b) => a.edits - b.edits);
  return ranked.find(({ word, edits }) => edits <= 2 && edits * 2 <= word.length)?.word;
}

/** The distance of Damerau and Levenshtein, without further edits of swapped letters. */
function edits(from: string, to: string): number {
  const rows = Array.from({ length: from.length + 1 }, (_, i) => [i]);
  rows[0] = Array.from({ length: to.length + 1 }, (_, j) => j);
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= from.length; i += 1)
    for (let j = 1; j <= to.length; j += 1) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[i]?.push(
        Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (isSame ? 0 : 1), swapped),
      );
    }
  return at(from.length, to.length);
}
