import type { Drop } from '../schedule/import-request.ts';

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
  if (starts(0x50, 0x4b, 0x03, 0x04) || starts(0x50, 0x4b, 0x05, 0x06)) return foreignZip(text);
  if (starts(0xd0, 0xcf, 0x11, 0xe0)) return 'is an Excel workbook (.xls); save it as CSV UTF-8';
  if (starts(0xff, 0xfe, 0, 0) || starts(0, 0, 0xfe, 0xff)) return 'is UTF-32; save it as UTF-8';
  if (starts(0x42, 0x5a, 0x68)) return 'is compressed with bzip2; use gzip';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'is compressed with zstd; use gzip';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return 'is compressed with xz; use gzip';
  if (starts(0x04, 0x22, 0x4d, 0x18)) return 'is compressed with LZ4; use gzip';
  if (starts(0x37, 0x7a, 0xbc, 0xaf)) return 'is a 7-Zip archive; unpack it';
  if (starts(0x89, 0x50, 0x4e, 0x47) || starts(0xff, 0xd8, 0xff)) return 'is a picture';
  if (text.startsWith('%PDF-')) return 'is a PDF document';
  if (text.startsWith('{\\rtf')) return 'is a Rich Text document; save it as CSV UTF-8';
  if (text.startsWith('PAR1')) return 'is a Parquet file';
  if (text.slice(257, 262) === 'ustar') return 'is a tar archive; unpack it';
  return foreignText(text.replace(/^\u00ef\u00bb\u00bf/, ''), format);
}

/** The same of text that is decoded already. */
export function foreignText(text: string, format: Drop['format']): string | undefined {
  const visible = text.trimStart();
  if (/^<(!--|(!doctype html|html|head|body|meta|style|table|\?xml)\b)/i.test(visible))
    return 'is an HTML or XML document';
  return foreignJson(visible, format);
}

/** By the names of its first files, what a zip archive is. */
function foreignZip(text: string): string {
  if (text.includes('application/vnd.oasis.opendocument'))
    return 'is an OpenDocument file (.ods); save it as CSV UTF-8';
  if (/word\/|ppt\/|visio\//.test(text)) return 'is an Office document; save its table as CSV UTF-8';
  return /xl\/|\[Content_Types\]\.xml|_rels\/|docProps\//.test(text)
    ? 'is an Excel workbook (.xlsx); save it as CSV UTF-8'
    : 'is a zip archive; unpack it, or compress it with gzip and let its name end in .gz';
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

/** What a remark above a table begins with. */
const HASH = 35;

/** The rarer one is in text, the earlier it comes. */
const candidates = ['\t', ';', '|', ','] as const;

const comparedRecords = 50;

/** What stands between the fields of a file, and between what. */
type Split = {
  /** Delimiters outside quotes by record, the header first. */
  readonly counts: number[];
  /** The same without those at the end of the record. */
  readonly inner: number[];
  /** Delimiters that look like punctuation: before a blank, or between digits. */
  punctuation: number;
};

/** A first line `sep=;`, as Excel reads and writes it: the delimiter that it names, a tab also as `\t`; undefined when there is none. */
export function namedDelimiter(head: Uint8Array, bomBytes: number): string | undefined {
  const line = Buffer.from(head.subarray(bomBytes, bomBytes + 6_000)).toString('latin1');
  // Saved once more, the line has the trailing delimiters of all lines; more marks and blank lines may stand in front.
  const named = /^(?:\xEF\xBB\xBF|[ \t\r\n])*"?sep *= *(\\t|[\t -!#-~])"?\1*[ \t]*(?:[\r\n]|$)/i.exec(
    line,
  )?.[1];
  return named?.toLowerCase() === '\\t' ? '\t' : named;
}

/** Bytes of a first line `#TYPE System.…`, as Export-Csv of Windows PowerShell writes it; 0 without one. */
export function typeLineBytes(head: Uint8Array, bomBytes: number): number {
  const text = Buffer.from(head.subarray(bomBytes, bomBytes + 6_000)).toString('latin1');
  return /^"?#TYPE [^\r\n]*(?:\r\n?|\n)/.exec(text)?.[0].length ?? 0;
}

/**
 * The delimiter of a file, from its first bytes: the one of `, ; tab |` by which its first records agree best with its header,
 * then the one that looks least like punctuation, then the one that gives most fields.
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
  return best.fields > 0 ? best.delimiter : (delimiterWithoutText(head) ?? delimiterOfOneColumn(head));
}

/** Of a file that has nothing but delimiters and blanks. */
function delimiterWithoutText(head: Uint8Array): string | undefined {
  return candidates.find(
    (delimiter) =>
      head.includes(delimiter.charCodeAt(0)) && split(head, delimiter.charCodeAt(0)).counts.length === 0,
  );
}

/**
 * A delimiter that every row has as often as the others is one: the header lacks names, for which the rows are to be rejected.
 * Otherwise the rows are text, and what they have least splits them least.
 */
function delimiterOfOneColumn(head: Uint8Array): string {
  const rivals = candidates.toReversed().map((delimiter) => {
    const { counts, inner, punctuation } = split(head, delimiter.charCodeAt(0));
    const [, ...below] = inner;
    // A title may have several lines.
    const from = below.findIndex((count) => count > 0);
    const isTable = from === 0 || (from > 0 && below.length - from >= leastAgreeing);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const isRegular =
      isTable &&
      (areAlike(below.slice(from)) || areAlike(counts.slice(from + 1))) &&
      (punctuation <= total / 4 || head[0] === HASH);
    return { delimiter, isRegular, rows: inner.filter((count) => count > 0).length };
  });
  const regular = rivals.find(({ isRegular }) => isRegular);
  return (regular ?? rivals.reduce((a, b) => (b.rows < a.rows ? b : a))).delimiter;
}

/** Behind a title of several lines, so many have to agree on their fields. */
export const leastAgreeing = 3;

/** True where all records have the same number of fields. */
export function areAlike(counts: readonly number[]): boolean {
  return counts.every((count) => count === counts[0]);
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
  for (let i = 0; i < head.length && found.counts.length < comparedRecords; i++) {
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
