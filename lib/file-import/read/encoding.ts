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
