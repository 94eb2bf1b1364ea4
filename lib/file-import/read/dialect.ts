import type { Encoding } from '../plan/import-plan.ts';
import { encodingName } from '../plan/settings.ts';

/** Encodings whose characters hold bytes below 0x40, or that are no superset of ASCII. */
const transcoded = new Set(['utf-16le', 'utf-16be', 'iso-2022-jp']);
/** Encodings whose second bytes reach from 0x40 to 0x7E, where `|`, `^` and `~` are. */
const doubleByte = new Set(['shift_jis', 'gbk', 'gb18030', 'big5', 'euc-kr']);

/**
 * The encoding of a file: a byte order mark wins over the setting, the setting over what the bytes look like (UTF-16
 * without a mark), and that over UTF-8.
 * @throws ConfigurationError for a name that no WHATWG encoding has.
 */
export function detectEncoding(head: Uint8Array, setting: string | undefined, delimiter?: string): Encoding {
  const marked = byteOrderMark(head);
  const name = marked?.name ?? encodingName(setting ?? unmarkedUtf16(head) ?? 'utf-8');
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

/**
 * UTF-16 by its zeros: a header and delimiters are ASCII, whose units have a zero in their upper half. Text in other encodings
 * has no zeros, or a stray one in either half.
 */
function unmarkedUtf16(head: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  let even = 0;
  let odd = 0;
  for (let i = 0; i + 1 < head.length; i += 2) {
    if (head[i] === 0) even++;
    if (head[i + 1] === 0) odd++;
  }
  const enough = Math.max(2, head.length / 2 / 20);
  if (head[0] !== 0 && head[1] === 0 && odd >= enough && even * 20 <= odd) return 'utf-16le';
  return head[0] === 0 && head[1] !== 0 && even >= enough && odd * 20 <= even ? 'utf-16be' : undefined;
}

/**
 * The encoding to name for a file that is not UTF-8: Windows-1252 when its bytes beyond ASCII stand alone in words of Latin
 * letters. It is not used unasked: the same bytes are other letters in other encodings, and the mistake would go unnoticed.
 */
export function likelyEncoding(head: Uint8Array, encoding: Encoding): string | undefined {
  if (encoding.name !== 'utf-8') return unmarkedUtf16(head);
  let alone = 0;
  for (let i = 0; i < head.length - 3; i++) {
    const byte = head[i] ?? 0;
    if (byte === 0 && i < 2) return unmarkedUtf16(head);
    if (byte < 0x80) continue;
    const isUtf8 = isContinuation(head[i + 1]) || isContinuation(byte);
    if (isUtf8) return undefined;
    if (isLetter(head[i - 1]) || isLetter(head[i + 1])) alone++;
  }
  return alone > 0 ? 'windows-1252' : undefined;
}

function isContinuation(byte = 0): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

function isLetter(byte = 0): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/** What a file is by its first bytes when it is not text; undefined when it may be text. */
export function foreignFormat(head: Uint8Array): string | undefined {
  const starts = (...bytes: number[]) => bytes.every((byte, i) => head[i] === byte);
  const text = Buffer.from(head.subarray(0, 4_096)).toString('latin1');
  if (starts(0x1f, 0x8b)) return 'is compressed with gzip; let its name end in .gz';
  if (starts(0x50, 0x4b, 0x03, 0x04))
    return /xl\/|\[Content_Types\]\.xml/.test(text)
      ? 'is an Excel workbook (.xlsx); save it as CSV UTF-8'
      : 'is a zip archive; unpack it, or compress it with gzip and let its name end in .gz';
  if (starts(0xd0, 0xcf, 0x11, 0xe0)) return 'is an Excel workbook (.xls); save it as CSV UTF-8';
  if (starts(0x42, 0x5a, 0x68)) return 'is compressed with bzip2; use gzip';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'is compressed with zstd; use gzip';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return 'is compressed with xz; use gzip';
  if (text.startsWith('%PDF-')) return 'is a PDF document';
  if (text.startsWith('PAR1')) return 'is a Parquet file';
  return /^\s*<(!doctype html|html|\?xml)/i.test(text.replace(/^\u00ef\u00bb\u00bf/, ''))
    ? 'is an HTML or XML document'
    : undefined;
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
/** The rarer one is in text, the earlier it comes. */
const candidates = ['\t', ';', '|', ','] as const;
const judgedRecords = 50;

/** What stands between the fields of a file, and between what. */
type Split = {
  /** Delimiters outside quotes by record, the header first. */
  readonly counts: number[];
  /** The same without those at the end of the record. */
  readonly inner: number[];
  /** Delimiters that look like punctuation: before a blank, or between digits. */
  punctuation: number;
};

/** A first line `sep=;`, as Excel reads and writes it: the delimiter that it names; undefined when there is none. */
export function namedDelimiter(head: Uint8Array, bomBytes: number): string | undefined {
  const line = Buffer.from(head.subarray(bomBytes, bomBytes + 16)).toString('latin1');
  return /^"?sep=([\t -!#-~])"?(?:[\r\n]|$)/i.exec(line)?.[1];
}

/**
 * The delimiter of a file, from its first bytes: the one of `, ; tab |` by which its first records agree best with its header,
 * then the one that looks least like punctuation, then the one that gives most fields. A file with none of them has one
 * column, and a comma does no harm.
 */
export function detectDelimiter(head: Uint8Array): string {
  let best = { delimiter: ',', share: 0, punctuation: 0, fields: 0 };
  for (const delimiter of candidates) {
    const { counts, inner, punctuation } = split(head, delimiter.charCodeAt(0));
    const [header = 0, ...rows] = counts;
    if (header === 0) continue;
    const agreeing = rows.filter(
      (count, i) =>
        count === header || inner[i + 1] === inner[0] || (count > header && (inner[i + 1] ?? 0) <= header),
    ).length;
    const share = rows.length === 0 ? 1 : agreeing / rows.length;
    const total = counts.reduce((sum, count) => sum + count, 0);
    const rival = { delimiter, share, punctuation: punctuation / total, fields: header };
    if (isBetter(rival, best)) best = rival;
  }
  return best.delimiter;
}

type Rival = { readonly share: number; readonly punctuation: number; readonly fields: number };

function isBetter(a: Rival, b: Rival): boolean {
  if (b.fields === 0) return true;
  if (Math.abs(a.share - b.share) > 0.001) return a.share > b.share;
  if (Math.abs(a.punctuation - b.punctuation) > 0.25) return a.punctuation < b.punctuation;
  return a.fields > b.fields;
}

/** Splits the first whole records of a file. */
function split(head: Uint8Array, delimiter: number): Split {
  const found: Split = { counts: [], inner: [], punctuation: 0 };
  let count = 0;
  let inner = 0;
  let hasText = false;
  let isFieldStart = true;
  const endRecord = () => {
    if (hasText) {
      found.counts.push(count);
      found.inner.push(inner);
    }
    count = 0;
    inner = 0;
    hasText = false;
    isFieldStart = true;
  };
  for (let i = 0; i < head.length && found.counts.length < judgedRecords; i++) {
    const byte = head[i];
    if (byte === QUOTE && isFieldStart) {
      i = behindQuote(head, i + 1);
      hasText = true;
      inner = count;
      isFieldStart = false;
    } else if (byte === delimiter) {
      count++;
      isFieldStart = true;
      const isDecimal = isDigit(head[i - 1]) && isDigit(head[i + 1]);
      if (isDecimal || (delimiter !== TAB && head[i + 1] === SPACE)) found.punctuation++;
    } else if (byte === LF || byte === CR) endRecord();
    else if (byte !== SPACE) {
      hasText = true;
      inner = count;
      isFieldStart = false;
    }
  }
  if (found.counts.length === 0) endRecord();
  return found;
}

/** Index of the quote that closes; the end when none does. */
function behindQuote(head: Uint8Array, from: number): number {
  for (let i = from; i < head.length; i++) {
    if (head[i] !== QUOTE) continue;
    if (head[i + 1] !== QUOTE) return i;
    i++;
  }
  return head.length;
}

function isDigit(byte = 0): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
