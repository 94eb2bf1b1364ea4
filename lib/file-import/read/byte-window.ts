import type { Position } from '../plan/import-plan.ts';

const CTRL_Z = 26;
const LF = 10;
const CR = 13;

/** What the next attempt to take a record gave. `more`: push more bytes; `blank`: an empty line went by. */
export type Taken = 'record' | 'blank' | 'more' | 'end';

/**
 * The piece of the content that is in memory: bytes are pushed at the end and taken record by record from the front.
 * A tokenizer reads `bytes` from `at` to `limit` (behind it stand leftovers) and says with `accept` what it took.
 */
export class ByteWindow {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  limit = 0;
  /** True once the content's last byte is inside. */
  final = false;
  /** Physical line at `at`. */
  line: number;
  /** The record taken last: bytes[start..end) with its line ending, bytes[start..contentEnd) without. */
  start = 0;
  contentEnd = 0;
  end = 0;
  startLine = 1;
  /** Content offset of bytes[0]. */
  #base: number;

  constructor(from: Position = { byte: 0, line: 1 }) {
    this.#base = from.byte;
    this.line = from.line;
  }

  get position(): Position {
    return { byte: this.#base + this.at, line: this.line };
  }

  /** Content offset of the record taken last. */
  get startByte(): number {
    return this.#base + this.start;
  }

  /** Bytes that are held and not taken yet. */
  get pending(): number {
    return this.limit - this.at;
  }

  /**
   * Adds bytes behind those not taken yet. What was taken is overwritten: one buffer serves the whole file, so that a
   * long one leaves no garbage behind.
   */
  push(chunk: Uint8Array, final: boolean): void {
    this.final = final;
    this.#base += this.at;
    const kept = this.limit - this.at;
    if (kept + chunk.length > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(kept + chunk.length, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(this.at, this.limit));
      this.bytes = larger;
    } else this.bytes.copyWithin(0, this.at, this.limit);
    this.bytes.set(chunk, kept);
    this.at = 0;
    this.limit = kept + chunk.length;
    // Old programs end a text file with a Ctrl-Z.
    if (final) while (this.limit > 0 && this.bytes[this.limit - 1] === CTRL_Z) this.limit--;
  }

  /** Takes bytes[at..end) as one record of `lines` physical lines. */
  accept(contentEnd: number, end: number, lines: number): void {
    this.start = this.at;
    this.contentEnd = contentEnd;
    this.end = end;
    this.startLine = this.line;
    this.at = end;
    this.line += lines;
  }

  /** The first line break at or after `from`: where it begins and ends; undefined while it cannot be told yet. */
  lineEnd(from: number): { readonly at: number; readonly next: number } | undefined {
    const { bytes, limit } = this;
    let i = from;
    while (i < limit && bytes[i] !== LF && bytes[i] !== CR) i++;
    if (i >= limit) return this.final ? { at: limit, next: limit } : undefined;
    if (bytes[i] === LF) return { at: i, next: i + 1 };
    if (i + 1 >= limit && !this.final) return undefined;
    return { at: i, next: bytes[i + 1] === LF && i + 1 < limit ? i + 2 : i + 1 };
  }
}
