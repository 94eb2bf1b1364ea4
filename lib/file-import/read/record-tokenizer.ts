import type { Position } from '../plan/import-plan.ts';

const byteOrderMark = [0xef, 0xbb, 0xbf];
const CTRL_Z = 26;
/** So many line breaks and Ctrl-Zs may end a file. */
const lastBytes = 1_024;
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

  /** Steps over byte order marks (of UTF-8). False while it takes more bytes to see whether there is one. */
  skipByteOrderMark(): boolean {
    while (this.at < this.limit && this.bytes[this.at] === byteOrderMark[0]) {
      const isThere = byteOrderMark.every(
        (byte, i) => this.at + i >= this.limit || this.bytes[this.at + i] === byte,
      );
      if (!isThere) return true;
      if (this.pending < byteOrderMark.length) return this.final;
      this.at += byteOrderMark.length;
    }
    return true;
  }

  /**
   * Where the content of a record ends that seems to end at `contentEnd`, with its line at `next`: before a Ctrl-Z behind which
   * only line breaks follow, as old programs end a text file. Undefined while it cannot be determined yet.
   */
  contentEndOf(contentEnd: number, next: number): number | undefined {
    const { bytes, limit } = this;
    if (contentEnd === this.at || bytes[contentEnd - 1] !== CTRL_Z) return contentEnd;
    const until = Math.min(limit, next + lastBytes);
    let i = next;
    while (i < until && (bytes[i] === LF || bytes[i] === CR || bytes[i] === CTRL_Z)) i++;
    if (i < limit) return contentEnd;
    if (!this.final) return undefined;
    let end = contentEnd;
    while (end > this.at && bytes[end - 1] === CTRL_Z) end--;
    return end;
  }

  /** The first line break at or after `from`: where it begins and ends; undefined while it cannot be determined yet. */
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

/** What a file may hold. Everything beyond has a clear outcome: the row is rejected or the file refused. */
export const readingLimits = {
  /** A longer record is rejected. */
  maxRecordBytes: 1 << 20,
  /** How far a quote may stay open before it counts as never closed. Also the most that is held of one record. */
  maxLookaheadBytes: 4 << 20,
  /** A header with more columns refuses the file. */
  maxColumns: 5_000,
  /** Of a gzip member: bytes out per byte in, once `gzipGraceBytes` came out. */
  maxGzipRatio: 200,
  gzipGraceBytes: 64 << 20,
  /** Of a gzip member, in all. */
  maxGzipBytes: 64 * 2 ** 30,
} as const;

/** What all row formats share: the window, and how the record taken last is to be read. */
export interface RecordTokenizer {
  readonly window: ByteWindow;
  /** Why the record taken last cannot be used; undefined when it can. */
  problem: string | undefined;
  /** Marks of the whole record, see `mark`. */
  marks: number;
  /** True in the middle of a line that was rejected for its length: reading cannot resume here. */
  readonly isInsideLine: boolean;
  next(): Taken;
}

/** What is known of a field or record after one pass over its bytes. */
export const mark = {
  /** Was quoted in the file. */
  quoted: 1,
  /** Holds a doubled quote. */
  doubled: 2,
  /** Holds a byte that JSON has to escape. */
  escape: 4,
  /** Holds a byte above 0x7F. */
  nonAscii: 8,
  nul: 16,
} as const;

/** In the byte tables: the scan of a field stops here. */
export const stop = 128;

/** For each byte what it marks a field with; `stop` where the scan of a field stops. */
export function byteTable(stops: readonly number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 0x20; byte++) table[byte] = mark.escape;
  table.fill(mark.nonAscii, 0x80);
  table[0] = mark.escape | mark.nul;
  table[0x22] = mark.escape;
  table[0x5c] = mark.escape;
  for (const byte of stops) table[byte] = stop;
  return table;
}

/** Takes one physical line as one record: the shape of JSON Lines. */
export class LineTokenizer implements RecordTokenizer {
  readonly window: ByteWindow;
  problem: string | undefined;
  marks: number = mark.nonAscii;
  #skippingLine = false;

  constructor(window: ByteWindow) {
    this.window = window;
  }

  get isInsideLine(): boolean {
    return this.#skippingLine;
  }

  next(): Taken {
    const { window } = this;
    if (window.at >= window.limit) return window.final ? 'end' : 'more';
    const ending = window.lineEnd(window.at);
    if (!ending) return this.#cutLongLine();
    const contentEnd = window.contentEndOf(ending.at, ending.next);
    if (contentEnd === undefined) return 'more';
    const lineWasCut = this.#skippingLine;
    this.#skippingLine = false;
    const length = contentEnd - window.at;
    window.accept(contentEnd, ending.next, 1);
    if (lineWasCut) return this.next();
    this.problem = length > readingLimits.maxRecordBytes ? tooLong : undefined;
    return isBlank(window.bytes, window.start, window.contentEnd) ? 'blank' : 'record';
  }

  /** A line beyond every bound is reported once, then its rest is dropped piece by piece. */
  #cutLongLine(): Taken {
    const { window } = this;
    if (window.pending <= readingLimits.maxRecordBytes * 2) return 'more';
    const reportedBefore = this.#skippingLine;
    this.#skippingLine = true;
    this.problem = tooLong;
    window.accept(window.limit - 1, window.limit - 1, 0);
    return reportedBefore ? 'more' : 'record';
  }
}

const tooLong = `the line is longer than ${readingLimits.maxRecordBytes} bytes`;

/** Nothing but blanks, or a Ctrl-Z, which old programs end a file with. */
function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  let i = start;
  while (i < end && blanks.has(bytes[i] ?? 0)) i++;
  return i === end;
}

const blanks = new Set([0x20, 0x09, 0x0b, 0x0c, 0x1a]);
