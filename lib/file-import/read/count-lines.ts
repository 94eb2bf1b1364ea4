const LF = 10;
const CR = 13;

/**
 * How many lines a content has: more rather than fewer, as line breaks in quotes and empty lines count too.
 * @param isLate ends the count
 * @returns undefined when it took too long
 */
export async function countLines(
  content: AsyncIterable<Uint8Array>,
  isLate: () => boolean,
): Promise<number | undefined> {
  // The last line may have no break.
  let lines = 1;
  for await (const piece of content) {
    if (isLate()) return undefined;
    for (let at = piece.indexOf(LF); at >= 0; at = piece.indexOf(LF, at + 1)) lines++;
    for (let at = piece.indexOf(CR); at >= 0; at = piece.indexOf(CR, at + 1))
      if (piece[at + 1] !== LF) lines++;
  }
  return lines;
}
