const LF = 10;
const CR = 13;
const QUOTE = 34;
const candidates = [',', ';', '\t', '|'] as const;

/**
 * The delimiter of a file, from its first bytes: the one of `, ; tab |` that splits its first records most evenly into
 * the most fields. A file with none of them has one column, and a comma does no harm.
 */
export function detectDelimiter(head: Uint8Array): string {
  let best: { delimiter: string; score: number } = { delimiter: ',', score: 0 };
  for (const delimiter of candidates) {
    const score = evenness(delimitersPerRecord(head, delimiter.charCodeAt(0)));
    if (score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
}

/** Share of records that agree with the header, times what the header holds (which must be something). */
function evenness(counts: readonly number[]): number {
  const [header = 0, ...rows] = counts;
  if (header === 0) return 0;
  const agreeing = rows.filter((count) => count === header).length;
  const share = rows.length === 0 ? 1 : agreeing / rows.length;
  return share * 1_000 + Math.min(header, 500);
}

/** How often the byte stands outside quotes in each of the first 50 whole records. */
function delimitersPerRecord(head: Uint8Array, delimiter: number): number[] {
  const counts: number[] = [];
  let count = 0;
  let quoted = false;
  for (let i = 0; i < head.length && counts.length < 50; i++) {
    const byte = head[i];
    if (byte === QUOTE) quoted = !quoted;
    else if (quoted) continue;
    else if (byte === delimiter) count++;
    else if (byte === LF || byte === CR) {
      if (byte === CR && head[i + 1] === LF) i++;
      counts.push(count);
      count = 0;
    }
  }
  return counts.length === 0 ? [count] : counts;
}
