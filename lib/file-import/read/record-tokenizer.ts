import type { ByteWindow, Taken } from './byte-window.ts';

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
    const lineWasCut = this.#skippingLine;
    this.#skippingLine = false;
    const length = ending.at - window.at;
    window.accept(ending.at, ending.next, 1);
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

const blanks = new Set([0x20, 0x09, 0x1a]);
