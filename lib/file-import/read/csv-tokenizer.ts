import type { ByteWindow, Taken } from './byte-window.ts';
import { mark, type RecordTokenizer, readingLimits } from './record-tokenizer.ts';

const LF = 10;
const CR = 13;
const QUOTE = 34;
/** In the byte tables: the scan of a field stops here. */
const stop = 128;
/** Where a field's scan ran out of bytes. */
const outOfBytes = -1;

/**
 * Splits delimited text (RFC 4180, any one-byte delimiter, CRLF, LF or CR) into records without decoding it: a field
 * is a range of bytes and what is known about them. Works on every encoding in which bytes below 0x80 are ASCII and
 * no other character holds such a byte that means something here.
 *
 * A quote that does not open a field is an ordinary character. A record whose quoting is broken (text after a
 * closing quote, a quote never closed) is rejected at its first physical line and reading goes on with the next line,
 * so that one bad quote does not swallow the rows behind it.
 */
export class CsvTokenizer implements RecordTokenizer {
  readonly window: ByteWindow;
  problem: string | undefined;
  marks = 0;
  /** Fields of the record taken last; may be more than fit `starts`, which then holds the first ones. */
  fieldCount = 0;
  readonly starts = new Int32Array(readingLimits.maxColumns);
  readonly ends = new Int32Array(readingLimits.maxColumns);
  readonly fieldMarks = new Uint8Array(readingLimits.maxColumns);
  readonly #bare: Uint8Array;
  readonly #delimiter: number;
  #skippingLine = false;
  #lines = 0;
  #trouble: string | undefined;

  constructor(window: ByteWindow, delimiter: number) {
    this.window = window;
    this.#delimiter = delimiter;
    this.#bare = byteTable([delimiter, LF, CR]);
  }

  get isInsideLine(): boolean {
    return this.#skippingLine;
  }

  /** Takes the next record; its fields and `problem` are valid until the next call. */
  next(): Taken {
    const { window } = this;
    if (this.#skippingLine && !this.#skipLine()) return 'more';
    if (window.at >= window.limit) return window.final ? 'end' : 'more';
    this.problem = undefined;
    this.#trouble = undefined;
    this.marks = 0;
    this.fieldCount = 0;
    this.#lines = 0;
    const contentEnd = this.#scanFields(window.at);
    if (contentEnd === outOfBytes) return this.#outOfBytes();
    return this.#finish(contentEnd);
  }

  /** Scans fields until the record ends; where its content ends, or `outOfBytes`. */
  #scanFields(from: number): number {
    const { bytes, limit, final } = this.window;
    let i = from;
    for (;;) {
      const end = i < limit && bytes[i] === QUOTE ? this.#scanQuoted(i + 1) : this.#scanBare(i);
      if (end === outOfBytes) return outOfBytes;
      if (end >= limit) return final ? limit : outOfBytes;
      if (bytes[end] !== this.#delimiter) return end;
      i = end + 1;
      if (i >= limit && !final) return outOfBytes;
    }
  }

  #scanBare(from: number): number {
    const { bytes, limit } = this.window;
    const table = this.#bare;
    let seen = 0;
    let i = from;
    while (i < limit) {
      const kind = table[bytes[i] ?? 0] ?? 0;
      if (kind >= stop) break;
      seen |= kind;
      i++;
    }
    this.#addField(from, i, seen);
    return i;
  }

  /** Scans from behind the opening quote to behind the closing one. */
  #scanQuoted(from: number): number {
    const { bytes, limit, final } = this.window;
    let seen: number = mark.quoted;
    let i = from;
    for (;;) {
      while (i < limit) {
        const kind = quotedTable[bytes[i] ?? 0] ?? 0;
        if (kind >= stop) break;
        seen |= kind;
        i++;
      }
      if (i >= limit) return this.#openQuote();
      const byte = bytes[i];
      if (byte !== QUOTE) {
        if (byte === LF || i + 1 >= limit || bytes[i + 1] !== LF) this.#lines++;
        seen |= mark.escape;
        i++;
      } else if (i + 1 >= limit && !final) {
        return outOfBytes;
      } else if (bytes[i + 1] === QUOTE && i + 1 < limit) {
        seen |= mark.doubled | mark.escape;
        i += 2;
      } else {
        this.#addField(from, i, seen);
        return this.#afterClosingQuote(i + 1);
      }
    }
  }

  #afterClosingQuote(i: number): number {
    const { bytes, limit } = this.window;
    const byte = bytes[i];
    if (i < limit && byte !== this.#delimiter && byte !== LF && byte !== CR) {
      this.#trouble ??= `text behind the closing quote of field ${this.fieldCount}`;
      return this.#scanRest(i);
    }
    return i;
  }

  #openQuote(): number {
    if (!this.window.final) return outOfBytes;
    this.#trouble = `the quote that opens field ${this.fieldCount + 1} is never closed`;
    return this.window.limit;
  }

  /** Behind broken quoting nothing is read any more: the record ends with its first line anyway. */
  #scanRest(from: number): number {
    return this.window.lineEnd(from)?.at ?? outOfBytes;
  }

  #addField(start: number, end: number, seen: number): void {
    const index = this.fieldCount++;
    this.marks |= seen;
    if (index >= this.starts.length) return;
    this.starts[index] = start;
    this.ends[index] = end;
    this.fieldMarks[index] = seen;
  }

  #finish(contentEnd: number): Taken {
    const { window } = this;
    if (this.#trouble !== undefined) return this.#rejectLine(this.#trouble);
    const ending = window.lineEnd(contentEnd);
    if (!ending) return this.#outOfBytes();
    const empty = contentEnd === window.at;
    window.accept(contentEnd, ending.next, this.#lines + 1);
    if (empty) return 'blank';
    if (contentEnd - window.start > readingLimits.maxRecordBytes) this.problem = tooLong;
    return 'record';
  }

  /** The record does not end in the window: more bytes are needed, or it never ends in a bounded look. */
  #outOfBytes(): Taken {
    if (this.window.final || this.window.pending <= readingLimits.maxLookaheadBytes) return 'more';
    const inQuotes = this.window.lineEnd(this.window.at) !== undefined;
    const reason = `the quote that opens field ${this.fieldCount + 1} is not closed within 4 MiB`;
    return this.#rejectLine(inQuotes ? reason : tooLong);
  }

  /** Takes only the first physical line, as rejected. */
  #rejectLine(reason: string): Taken {
    const { window } = this;
    const ending = window.lineEnd(window.at);
    if (!ending && window.pending <= readingLimits.maxLookaheadBytes) return 'more';
    this.problem = reason;
    this.fieldCount = 0;
    if (ending) window.accept(ending.at, ending.next, 1);
    else {
      window.accept(window.limit, window.limit, 0);
      this.#skippingLine = true;
    }
    return 'record';
  }

  /** Drops the rest of a line that was already rejected for its length. True once its end is found. */
  #skipLine(): boolean {
    const { window } = this;
    const ending = window.lineEnd(window.at);
    if (!ending) {
      const keepCr = window.bytes[window.limit - 1] === CR ? 1 : 0;
      window.at = Math.max(window.at, window.limit - keepCr);
      return false;
    }
    window.at = ending.next;
    window.line++;
    this.#skippingLine = false;
    return true;
  }
}

const tooLong = `the record is longer than ${readingLimits.maxRecordBytes} bytes`;

const quotedTable = byteTable([QUOTE, LF, CR]);

function byteTable(stops: readonly number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 0x20; byte++) table[byte] = mark.escape;
  table.fill(mark.nonAscii, 0x80);
  table[0] = mark.escape | mark.nul;
  table[QUOTE] = mark.escape;
  table[0x5c] = mark.escape;
  for (const byte of stops) table[byte] = stop;
  return table;
}
