import { TextDecoder } from 'node:util';
import type { ByteWindow } from '../read/byte-window.ts';
import type { SourceBytes } from '../read/transcode.ts';

/** What a row writer has to know of the text it is given. */
export type TextSource = {
  /** WHATWG name of the file's encoding. */
  readonly encoding: string;
  /** Present when the bytes in the window are UTF-8 made from another encoding. */
  readonly source?: SourceBytes;
};

/** The encoding of the bytes in the window. */
export function windowEncoding({ encoding, source }: TextSource): string {
  return source ? 'utf-8' : encoding;
}

/** Where `window.bytes[at]` is in the (decompressed) file, in words that follow a finding; '' where it cannot be told. */
export function placeOf({ source }: TextSource, window: ByteWindow, at: number): string {
  const byte = source ? source.offsetOf(window, at) : window.startByte + at - window.start;
  return byte === undefined ? '' : ` at byte ${byte}`;
}

/** Index of the first byte at which text turns out to be broken; the length when it ends too early. */
export function firstInvalid(bytes: Uint8Array, encoding: string): number {
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
