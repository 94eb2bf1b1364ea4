import { TextDecoder } from 'node:util';

/**
 * Finds bytes of transcoded content in the file it came from. A reader's window ends where the piece it was given
 * last ends, and the transcoder knows where that is in the file; from there it is counted back. So nothing has to be
 * counted for rows that are in order, and a resume has nothing to remember.
 */
export class SourceBytes {
  /** Offset in the (decompressed) file behind the piece that was given last; undefined when it cannot be determined. */
  end: number | undefined;

  /** Offset in the file of `window.bytes[at]`; undefined in encodings whose characters differ in length too much. */
  offsetOf(window: { readonly bytes: Uint8Array; readonly limit: number }, at: number): number | undefined {
    return this.end === undefined ? undefined : this.end - utf16Length(window.bytes, at, window.limit);
  }
}

/** Bytes that UTF-8 text, as Utf16Transcoder writes it, took in UTF-16. */
function utf16Length(bytes: Uint8Array, from: number, to: number): number {
  let length = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === leftOver) length += 1;
    else if (byte >= 0xf0) length += 4;
    else if (byte < 0x80 || byte >= 0xc0) length += 2;
  }
  return length;
}

/** What stands for half a unit at the end of a file: a byte that no UTF-8 has. */
const leftOver = 0xff;

/**
 * Turns UTF-16 into UTF-8 piece by piece. A surrogate that stands alone becomes the three bytes that UTF-8 forbids,
 * so that the row it is in is found invalid later, as with any other broken byte.
 */
export class Utf16Transcoder {
  readonly #high: 0 | 1;
  #carried: Uint8Array = new Uint8Array(0);

  constructor(name: 'utf-16le' | 'utf-16be') {
    this.#high = name === 'utf-16le' ? 1 : 0;
  }

  /** `last` turns a byte or half a pair that is left over into an invalid one rather than waiting for more. */
  write(piece: Uint8Array, last: boolean): Uint8Array {
    const bytes = this.#carried.length === 0 ? piece : Buffer.concat([this.#carried, piece]);
    const out = Buffer.allocUnsafe(Math.ceil(bytes.length / 2) * 3 + 3);
    const whole = bytes.length - (bytes.length % 2);
    let to = 0;
    let i = 0;
    for (; i < whole; i += 2) {
      let code = this.#unit(bytes, i);
      if (code >= 0xd800 && code < 0xdc00) {
        if (i + 4 > whole && !last) break;
        const low = i + 4 <= whole ? this.#unit(bytes, i + 2) : 0;
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          i += 2;
        }
      }
      to = writeCode(out, to, code);
    }
    this.#carried = bytes.slice(i);
    if (last && this.#carried.length > 0) out[to++] = leftOver;
    return out.subarray(0, to);
  }

  /** Bytes that were given and wait for what follows them. */
  get carriedBytes(): number {
    return this.#carried.length;
  }

  #unit(bytes: Uint8Array, i: number): number {
    const high = bytes[i + this.#high] ?? 0;
    const low = bytes[i + 1 - this.#high] ?? 0;
    return (high << 8) | low;
  }
}

function writeCode(out: Uint8Array, at: number, code: number): number {
  let to = at;
  if (code < 0x80) {
    out[to++] = code;
    return to;
  }
  if (code < 0x800) {
    out[to++] = 0xc0 | (code >> 6);
  } else {
    if (code < 0x10000) out[to++] = 0xe0 | (code >> 12);
    else {
      out[to++] = 0xf0 | (code >> 18);
      out[to++] = 0x80 | ((code >> 12) & 0x3f);
    }
    out[to++] = 0x80 | ((code >> 6) & 0x3f);
  }
  out[to++] = 0x80 | (code & 0x3f);
  return to;
}

/** Turns any other encoding into UTF-8 piece by piece; what cannot be decoded becomes a byte that UTF-8 forbids. */
export class LabelTranscoder {
  readonly #decoder: TextDecoder;

  constructor(name: string) {
    this.#decoder = new TextDecoder(name);
  }

  write(piece: Uint8Array, last: boolean): Uint8Array {
    const text = this.#decoder.decode(piece, { stream: !last });
    const bytes = Buffer.from(text);
    return text.includes('\uFFFD') ? withoutReplacements(bytes) : bytes;
  }
}

/** EF BF BD, the replacement character, to FF BF BD: invalid, and of the same length. */
function withoutReplacements(bytes: Buffer): Buffer {
  for (let at = bytes.indexOf('\uFFFD'); at >= 0; at = bytes.indexOf('\uFFFD', at + 3)) bytes[at] = 0xff;
  return bytes;
}
