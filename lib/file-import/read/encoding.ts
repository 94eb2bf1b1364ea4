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
 * UTF-16 by its zeros: letters of ASCII, delimiters and line ends have one in their upper half. Text in other encodings has no
 * zeros, or a stray one in either half.
 */
function unmarkedUtf16(head: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  let even = 0;
  let odd = 0;
  const lineEnds = { le: 0, be: 0 };
  for (let i = 0; i + 1 < head.length; i += 2) {
    const first = head[i] ?? 0;
    const second = head[i + 1] ?? 0;
    if (first === 0) even++;
    if (second === 0) odd++;
    if (second === 0 && isLineEnd(first)) lineEnds.le++;
    if (first === 0 && isLineEnd(second)) lineEnds.be++;
  }
  const enough = Math.max(2, head.length / 2 / 20);
  // A header in other letters than Latin ones has zeros around its delimiters and at its end alone.
  const isLe = (head[1] === 0 && odd >= enough) || (lineEnds.le > 0 && odd >= 2);
  const isBe = (head[0] === 0 && even >= enough) || (lineEnds.be > 0 && even >= 2);
  if (isLe && head[0] !== 0 && even * 20 <= odd) return 'utf-16le';
  return isBe && head[1] !== 0 && odd * 20 <= even ? 'utf-16be' : undefined;
}

function isLineEnd(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

/** Of Windows-1252, the signs below 0xA0 that stand in texts without a letter next to them: €, …, quotes, dashes, •. */
const loneSigns = new Set([0x80, 0x84, 0x85, 0x8b, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x9b]);

/** What Windows-1252 does not have; in code pages of DOS and of old Macs these are letters. */
const unassigned = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

/** Signs of Windows-1252 that stand between two letters in no language; there they are letters of another encoding. */
const noLetters = new Set([
  0x80, 0x82, 0x83, 0x84, 0x86, 0x87, 0x88, 0x89, 0x8b, 0x93, 0x94, 0x95, 0x98, 0x99, 0x9b,
]);

/** Š, Œ, Ž and Ÿ, which do not follow a small letter. */
const capitals = new Set([0x8a, 0x8c, 0x8e, 0x9f]);

/** Ä, Ö, Ü, ä, ö, ü and ß, which may follow each other. */
const umlauts = new Set([0xc4, 0xd6, 0xdc, 0xe4, 0xf6, 0xfc, 0xdf]);

/** Longer runs of bytes beyond ASCII are words of another script. */
const longestRun = 2;

/** Text that is neither UTF-8 nor Windows-1252, in an encoding that its bytes do not say. */
export const anotherEncoding = 'another encoding';

/**
 * The encoding to name for text that is not UTF-8: Windows-1252 when its bytes beyond ASCII stand alone in words of Latin letters, or are
 * its signs; `anotherEncoding` when they are what Windows-1252 has in no text, or words of another script. It is not used unasked: the
 * same bytes are other letters in other encodings, and the mistake would go unnoticed.
 * @param isCut the text goes on behind `bytes`, whose last character may be a part of one
 */
export function likelyEncoding(
  bytes: Uint8Array,
  { name }: Pick<Encoding, 'name'>,
  isCut = false,
): string | undefined {
  if (name !== 'utf-8') {
    const found = unmarkedUtf16(bytes);
    return found === name ? undefined : found;
  }
  const found = { utf8: 0, windows: 0, other: 0, side: 0 };
  let run = 0;
  let isUmlauts = true;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === 0 && i < 2) return unmarkedUtf16(bytes);
    run = byte < 0x80 ? 0 : run + 1;
    if (run === 0) {
      isUmlauts = true;
      continue;
    }
    const length = sequenceLength(byte);
    const rest = bytes.subarray(i + 1, i + length);
    const isUtf8 = length > 1 && rest.every(isContinuation);
    if (isUtf8 && rest.length < length - 1 && isCut) break;
    if (isUtf8 && rest.length === length - 1) {
      found.utf8++;
      run += length - 1;
      i += length - 1;
      continue;
    }
    isUmlauts &&= umlauts.has(byte);
    const before = bytes[i - 1];
    const after = bytes[i + 1];
    if (run > longestRun && !isUmlauts) found.other++;
    if (!isUmlauts && (run > 1 || (after ?? 0) >= 0x80)) found.side++;
    if (isNotWindows(byte, before, after)) found.other++;
    else if (isWindows(byte, before, after)) found.windows++;
  }
  // Two bytes of GBK may pass for a character of UTF-8; broken bytes of UTF-8 seldom stand side by side.
  if (found.utf8 > 0) return found.side > found.utf8 ? anotherEncoding : undefined;
  if (found.other > 0) return anotherEncoding;
  return found.windows > 0 ? 'windows-1252' : undefined;
}

/** What to do about text that is not valid, to follow the finding; '' where nothing is known. @param likely as `likelyEncoding` gives it */
export function encodingAdvice(likely: string | undefined): string {
  if (likely === undefined) return '';
  if (likely === anotherEncoding)
    return '; save it as UTF-8, or set encoding in _import.json to the one it has (windows-1250, windows-1251, macintosh, ibm866, shift_jis, gbk, …)';
  const advice = `; set encoding to ${likely} in _import.json`;
  return likely === 'windows-1252'
    ? `${advice} if that is what it has (it may be windows-1250, windows-1254 or macintosh as well), or save it as UTF-8`
    : advice;
}

/** Whether a byte that is no UTF-8 makes sense in Windows-1252. */
function isWindows(byte: number, before = 0, after = 0): boolean {
  if (byte < 0xa0) return loneSigns.has(byte) || isLetter(before) || isLetter(after);
  // Alone, they begin no character of UTF-8.
  if (byte < 0xc0) return true;
  // With these most letters of Latin scripts begin in UTF-8, and one may be cut off at the end of a value.
  if (byte === 0xc2 || byte === 0xc3) return isLetter(after);
  const isSign = (byte === 0xd7 || byte === 0xd8) && (isDigit(after) || after === 0x20);
  return isSign || isLetter(before) || isLetter(after) || umlauts.has(byte);
}

/** Whether a byte is what Windows-1252 has in no text. */
function isNotWindows(byte: number, before = 0, after = 0): boolean {
  if (unassigned.has(byte)) return true;
  if (noLetters.has(byte)) return isLetter(before) && isLetter(after);
  // A pound sign in a word.
  if (byte === 0xa3) return isLetter(after) || after >= 0xc0;
  return capitals.has(byte) && before >= 0x61 && isLetter(before);
}

/** Bytes of the character that a byte begins in UTF-8; 1 where it begins none of several. */
function sequenceLength(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 1;
  return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

function isContinuation(byte = 0): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
