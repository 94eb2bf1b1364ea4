import { TextDecoder } from 'node:util';
import { columnLength } from '../plan/column-text.ts';
import { toServiceNowDate } from '../plan/date-column.ts';
import type { ColumnTarget } from '../plan/import-plan.ts';
import type { ByteWindow } from '../read/byte-window.ts';
import type { SourceBytes } from '../read/transcode.ts';

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

/** Where `window.bytes[at]` is in the (decompressed) file, in words that follow a finding; '' where it cannot be told. */
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
  const advice = text.likelyEncoding ? `; set encoding to ${text.likelyEncoding} in _import.json` : '';
  return `not valid ${name}${placeOf(text, window, at)}${advice}`;
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
