import { TextDecoder } from 'node:util';
import { columnLength } from '../plan/column-text.ts';
import { toServiceNowDate } from '../plan/date-column.ts';
import type { ColumnTarget } from '../plan/import-plan.ts';
import { encodingAdvice, likelyEncoding } from '../read/encoding.ts';
import type { ByteWindow } from '../read/record-tokenizer.ts';
import type { SourceBytes } from '../read/transcode.ts';

const QUOTE = 34;
const BACKSLASH = 92;
/** Below this length a copy in place beats the call of a native one. */
const shortBytes = 24;
const hex = Buffer.from('0123456789abcdef');
/** For the control characters that JSON names by a letter: that letter. */
const letters = new Map([8, 9, 10, 12, 13].map((byte, i) => [byte, Buffer.from('btnfr')[i] ?? 0]));

/** A JSON text that grows at its end, as UTF-8 bytes. */
export class JsonBuffer {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 64 * 1024) {
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  /** Appends bytes that are JSON already. */
  raw(piece: Uint8Array): void {
    this.copy(piece, 0, piece.length);
  }

  /** Appends from[start..end) unchanged. */
  copy(from: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    const { bytes } = this;
    let to = this.length;
    if (end - start > shortBytes) {
      bytes.set(from.subarray(start, end), to);
      to += end - start;
    } else {
      for (let i = start; i < end; i++) bytes[to++] = from[i] ?? 0;
    }
    this.length = to;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Appends UTF-8 from[start..end) as the inside of a JSON string; `doubled`: two quotes stand for one. */
  escaped(from: Uint8Array, start: number, end: number, doubled: boolean): void {
    this.reserve((end - start) * 6);
    const { bytes } = this;
    let to = this.length;
    for (let i = start; i < end; i++) {
      const value = from[i] ?? 0;
      if (value === QUOTE || value === BACKSLASH) {
        bytes[to++] = BACKSLASH;
        bytes[to++] = value;
        if (doubled && value === QUOTE) i++;
      } else if (value < 0x20) to = writeControl(bytes, to, value);
      else bytes[to++] = value;
    }
    this.length = to;
  }

  /** Appends text as the inside of a JSON string. */
  text(value: string): void {
    const encoded = Buffer.from(value);
    this.escaped(encoded, 0, encoded.length, false);
  }

  /** A copy of what is inside, which later writes leave alone. */
  snapshot(): Uint8Array {
    return Buffer.from(this.bytes.subarray(0, this.length));
  }
}

function writeControl(bytes: Uint8Array, at: number, value: number): number {
  let to = at;
  bytes[to++] = BACKSLASH;
  const letter = letters.get(value);
  if (letter !== undefined) {
    bytes[to++] = letter;
    return to;
  }
  bytes[to++] = 0x75;
  bytes[to++] = 0x30;
  bytes[to++] = 0x30;
  bytes[to++] = 0x30 + (value >> 4);
  bytes[to++] = hex[value & 15] ?? 0;
  return to;
}

/** `,"key":"` as bytes: what stands before a value. */
export function jsonPrefix(key: string): Uint8Array {
  return Buffer.from(`,${JSON.stringify(key)}:"`);
}

/** `,"key":"value"` for each constant. */
export function constantsJson(constants: readonly (readonly [string, string])[]): Uint8Array {
  return Buffer.from(
    constants.map(([key, value]) => `,${JSON.stringify(key)}:${JSON.stringify(value)}`).join(''),
  );
}

/** What a row writer says of a row that gives no column a value: it counts as a blank line. */
export const blankRow = Symbol('blank row');

/** What a row writer has to know of the text it is given. */
export type TextSource = {
  /** WHATWG name of the file's encoding. */
  readonly encoding: string;
  /** The encoding that the file seems to have instead, for the reason of rows that are not valid. */
  readonly likelyEncoding?: string | undefined;
  /** Present when the bytes in the window are UTF-8 made from another encoding. */
  readonly source?: SourceBytes;
};

/** The encoding of the bytes in the window. */
export function windowEncoding({ encoding, source }: TextSource): string {
  return source ? 'utf-8' : encoding;
}

/** A value as it is sent to a column, or why its row has to be rejected. */
export function valueFor(
  target: ColumnTarget,
  text: string,
): { readonly value: string } | { readonly reason: string } {
  const dated = target.date ? toServiceNowDate(text, target.date) : { date: text };
  if ('reason' in dated) return dated;
  const { column, maxLength } = target;
  const length = columnLength(dated.date);
  return maxLength !== undefined && length > maxLength
    ? { reason: `${length} characters, ${column} takes ${maxLength}` }
    : { value: dated.date };
}

/** Where `window.bytes[at]` is in the (decompressed) file, in words that follow a finding; '' where it cannot be determined. */
export function placeOf({ source }: TextSource, window: ByteWindow, at: number): string {
  const byte = source ? source.offsetOf(window, at) : window.startByte + at - window.start;
  return byte === undefined ? '' : ` at byte ${byte}`;
}

/** Says which byte of window.bytes[start..end) the encoding does not have, and what to do. */
export function invalidBytes(
  text: TextSource,
  name: string,
  window: ByteWindow,
  start: number,
  end: number,
): string {
  const at = start + firstInvalid(window.bytes.subarray(start, end), windowEncoding(text));
  // The front of the file may have been plain ASCII.
  const isUtf8 = text.encoding === 'utf-8';
  const ofRow = isUtf8
    ? likelyEncoding(window.bytes.subarray(start, end), { name: text.encoding })
    : undefined;
  const likely = text.likelyEncoding ?? ofRow;
  return `not valid ${name}${placeOf(text, window, at)}${encodingAdvice(likely)}`;
}

/** Index of the first byte at which text turns out to be broken; the length when it ends too early. */
function firstInvalid(bytes: Uint8Array, encoding: string): number {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  let start = 0;
  for (let i = 0; i < bytes.length; i++) {
    try {
      // What comes out of a complete character; a lead byte alone gives nothing yet.
      if (decoder.decode(bytes.subarray(i, i + 1), { stream: true }) !== '') start = i + 1;
    } catch {
      return start;
    }
  }
  return start;
}
