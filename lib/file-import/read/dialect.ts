import type { Encoding } from '../plan/import-plan.ts';
import { encodingName } from '../plan/settings.ts';

/** Encodings whose characters hold bytes below 0x40, or that are no superset of ASCII. */
const transcoded = new Set(['utf-16le', 'utf-16be', 'iso-2022-jp']);
/** Encodings whose second bytes reach from 0x40 to 0x7E, where `|`, `^` and `~` are. */
const doubleByte = new Set(['shift_jis', 'gbk', 'gb18030', 'big5', 'euc-kr']);

/**
 * The encoding of a file: a byte order mark wins over the setting, the setting over UTF-8.
 * @throws ConfigurationError for a name that no WHATWG encoding has.
 */
export function detectEncoding(head: Uint8Array, setting: string | undefined, delimiter?: string): Encoding {
  const marked = byteOrderMark(head);
  const name = marked?.name ?? encodingName(setting ?? 'utf-8');
  const hidden =
    transcoded.has(name) || (delimiter !== undefined && delimiter >= '@' && doubleByte.has(name));
  const way = hidden ? 'transcode' : name === 'utf-8' ? 'utf-8' : 'ascii-superset';
  return { name, bomBytes: marked?.bytes ?? 0, way };
}

function byteOrderMark(head: Uint8Array): { name: string; bytes: number } | undefined {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return { name: 'utf-8', bytes: 3 };
  if (head[0] === 0xff && head[1] === 0xfe) return { name: 'utf-16le', bytes: 2 };
  if (head[0] === 0xfe && head[1] === 0xff) return { name: 'utf-16be', bytes: 2 };
  return undefined;
}

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
