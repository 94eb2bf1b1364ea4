/**
 * Finds bytes of transcoded content in the file it came from. A reader's window ends where the piece it was given
 * last ends, and the transcoder knows where that is in the file; from there it is counted back. So nothing has to be
 * counted for rows that are in order, and a resume has nothing to remember.
 */
export class SourceBytes {
  /** Offset in the (decompressed) file behind the piece that was given last; undefined when nobody can tell. */
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
export const leftOver = 0xff;
