import type { Encoding } from '../plan/import-plan.ts';
import { encodingName } from '../plan/settings.ts';
import type { Drop } from '../schedule/import-request.ts';

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

/** Of Windows-1252, what stands in texts without a letter next to it: €, …, quotes, dashes, •, °, § and a fixed blank. */
const loneSigns = new Set([
  0x80, 0x84, 0x85, 0x8b, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x9b, 0xa0, 0xa7, 0xab, 0xb0, 0xbb,
]);
/** Bytes that Windows-1252 does not have. */
const unassigned = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);
/** Longer runs of bytes beyond ASCII are words of another script. */
const longestRun = 2;

/**
 * The encoding to name for text that is not UTF-8: Windows-1252 when its bytes beyond ASCII stand alone in words of Latin letters, or are
 * its signs. It is not used unasked: the same bytes are other letters in other encodings, and the mistake would go unnoticed.
 * @param isCut the text goes on behind `bytes`, whose last character may be a part of one
 */
export function likelyEncoding(
  bytes: Uint8Array,
  { name }: Pick<Encoding, 'name'>,
  isCut = false,
): string | undefined {
  if (name !== 'utf-8') return unmarkedUtf16(bytes);
  let alone = 0;
  let run = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === 0 && i < 2) return unmarkedUtf16(bytes);
    run = byte < 0x80 ? 0 : run + 1;
    if (run === 0) continue;
    const length = sequenceLength(byte);
    const rest = bytes.subarray(i + 1, i + length);
    const isUtf8 = length > 1 && rest.every(isContinuation);
    if (isUtf8 && rest.length < length - 1 && isCut) break;
    if ((isUtf8 && rest.length === length - 1) || run > longestRun || unassigned.has(byte)) return undefined;
    const isInWord = isLetter(bytes[i - 1]) || isLetter(bytes[i + 1]);
    if (loneSigns.has(byte) || (isInWord && !usualLeads.has(byte))) alone++;
  }
  return alone > 0 ? 'windows-1252' : undefined;
}

/** With them most letters of Latin scripts begin in UTF-8; as letters of Windows-1252 they are rare. */
const usualLeads = new Set([0xc2, 0xc3]);

/** Bytes of the character that a byte begins in UTF-8; 1 where it begins none of several. */
function sequenceLength(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 1;
  return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

function isContinuation(byte = 0): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

function isLetter(byte = 0): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/**
 * What a file is by its first bytes when it is not delimited text, or not JSON Lines where its name says so; undefined when it may be.
 */
export function foreignFormat(
  head: Uint8Array,
  { format, gzip }: Pick<Drop, 'format' | 'gzip'>,
): string | undefined {
  const starts = (...bytes: number[]) => bytes.every((byte, i) => head[i] === byte);
  const text = Buffer.from(head.subarray(0, 4_096)).toString('latin1');
  if (starts(0x1f, 0x8b))
    return gzip
      ? 'is compressed twice; compress it once'
      : 'is compressed with gzip; let its name end in .gz';
  if (starts(0x50, 0x4b, 0x03, 0x04))
    return /xl\/|\[Content_Types\]\.xml/.test(text)
      ? 'is an Excel workbook (.xlsx); save it as CSV UTF-8'
      : 'is a zip archive; unpack it, or compress it with gzip and let its name end in .gz';
  if (starts(0xd0, 0xcf, 0x11, 0xe0)) return 'is an Excel workbook (.xls); save it as CSV UTF-8';
  if (starts(0x42, 0x5a, 0x68)) return 'is compressed with bzip2; use gzip';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'is compressed with zstd; use gzip';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return 'is compressed with xz; use gzip';
  if (starts(0x37, 0x7a, 0xbc, 0xaf)) return 'is a 7-Zip archive; unpack it';
  if (starts(0x89, 0x50, 0x4e, 0x47) || starts(0xff, 0xd8, 0xff)) return 'is a picture';
  if (text.startsWith('%PDF-')) return 'is a PDF document';
  if (text.startsWith('{\\rtf')) return 'is a Rich Text document; save it as CSV UTF-8';
  if (text.startsWith('PAR1')) return 'is a Parquet file';
  if (text.slice(257, 262) === 'ustar') return 'is a tar archive; unpack it';
  const visible = text.replace(/^\u00ef\u00bb\u00bf/, '').trimStart();
  if (/^<(!doctype html|html|\?xml)/i.test(visible)) return 'is an HTML or XML document';
  return foreignJson(visible, format);
}

/** JSON under the name of another format, or in another form than one object on each line. */
function foreignJson(text: string, format: Drop['format']): string | undefined {
  if (format !== 'jsonl')
    return /^(\{\s*"|\[\s*[{[])/.test(text)
      ? 'is JSON; write one object on each line and let its name end in .jsonl'
      : undefined;
  if (/^\[\s*\{/.test(text)) return 'is a JSON array; JSON Lines have one object on each line';
  return /^\{[ \t]*[\r\n]/.test(text)
    ? 'has objects that span lines; JSON Lines have one on each line'
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
  const line = Buffer.from(head.subarray(bomBytes, bomBytes + 6_000)).toString('latin1');
  // Saved once more, the line has the trailing delimiters of all lines.
  return /^"?sep=([\t -!#-~])"?\1*[ \t]*(?:[\r\n]|$)/i.exec(line)?.[1];
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
