import type { ContentPlan } from '../plan/import-plan.ts';
import {
  type ByteWindow,
  byteTable,
  mark,
  type RecordTokenizer,
  readingLimits,
  stop,
  type Taken,
} from './record-tokenizer.ts';

const TAB = 9;
const LF = 10;
const VERTICAL_TAB = 11;
const FORM_FEED = 12;
const CR = 13;
const CTRL_Z = 26;
const SPACE = 32;
const QUOTE = 34;
const NBSP = 0xa0;
/** Where a field's scan ran out of bytes. */
const outOfBytes = -1;

/**
 * Splits delimited text (RFC 4180, any one-byte delimiter, CRLF, LF or CR) into records without decoding it: a field
 * is a range of bytes and what is known about them. Works on every encoding in which bytes below 0x80 are ASCII and
 * no other character holds such a byte that means something here.
 *
 * A byte order mark in front of a record, where files were put together, is no part of it, in text that is or was made UTF-8.
 *
 * A quote that does not open a field is an ordinary character; blanks may stand around a quoted field. A line of nothing but
 * delimiters and white space, quoted or not, is a blank line, as spreadsheets and reports write them. A record whose quoting is broken (text after a
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
  readonly #isUtf8: boolean;
  /** The one byte that is a fixed blank, where the encoding has one. */
  readonly #fixedBlank: number | undefined;
  #skippingLine = false;
  #lines = 0;
  #trouble: string | undefined;
  /** The record has a quote behind a blank. */
  #isAfterBlank = false;
  #blanksAreText = false;

  constructor(
    window: ByteWindow,
    { delimiter: sign, encoding }: Pick<ContentPlan, 'delimiter' | 'encoding'>,
  ) {
    const delimiter = sign.charCodeAt(0);
    this.window = window;
    this.#delimiter = delimiter;
    this.#isUtf8 = encoding.way !== 'ascii-superset';
    this.#fixedBlank = /^(?:windows|iso-8859)-/.test(encoding.name) ? NBSP : undefined;
    this.#bare = byteTable([delimiter, LF, CR]);
  }

  get isInsideLine(): boolean {
    return this.#skippingLine;
  }

  /** Takes the next record; its fields and `problem` are valid until the next call. */
  next(): Taken {
    const { window } = this;
    if (this.#skippingLine && !this.#skipLine()) return 'more';
    if (this.#isUtf8 && !window.skipByteOrderMark()) return 'more';
    if (window.at >= window.limit) return window.final ? 'end' : 'more';
    this.problem = undefined;
    this.#trouble = undefined;
    this.marks = 0;
    this.fieldCount = 0;
    this.#lines = 0;
    this.#isAfterBlank = false;
    const contentEnd = this.#scanFields(window.at);
    if (contentEnd === outOfBytes) return this.#outOfBytes();
    return this.#finish(contentEnd);
  }

  /** True when the fields of the record taken last are empty or white space from the `index`-th on: trailing delimiters. */
  isBlankFrom(index: number): boolean {
    if (this.fieldCount > this.starts.length) return false;
    for (let i = index; i < this.fieldCount; i++) if (!this.isBlankField(i)) return false;
    return true;
  }

  /** True when a field of the record taken last is empty or white space. */
  isBlankField(index: number): boolean {
    const end = this.ends[index] ?? 0;
    let at = this.starts[index] ?? 0;
    while (at < end) {
      const length = this.#whiteAt(at);
      if (length === 0) return false;
      at += length;
    }
    return true;
  }

  /** Gives the record taken last so many fields by empty ones behind its last. */
  padTo(count: number): void {
    const { contentEnd } = this.window;
    while (this.fieldCount < count) this.#addField(contentEnd, contentEnd, 0);
  }

  /** Scans fields until the record ends; where its content ends, or `outOfBytes`. */
  #scanFields(from: number): number {
    const { bytes, limit, final } = this.window;
    let i = from;
    for (;;) {
      const end = i < limit ? this.#scanField(i) : this.#scanBare(i);
      if (end === outOfBytes) return outOfBytes;
      if (end >= limit) return final ? limit : outOfBytes;
      if (bytes[end] !== this.#delimiter) return end;
      i = end + 1;
      if (i >= limit && !final) return outOfBytes;
    }
  }

  #scanField(from: number): number {
    const first = this.window.bytes[from];
    if (first === QUOTE) return this.#scanQuoted(from + 1);
    const mayBeBlank = first === SPACE || first === TAB || (first !== undefined && first >= NBSP);
    return mayBeBlank ? this.#scanAfterBlank(from) : this.#scanBare(from);
  }

  /** A field that begins with blanks: they do not count where it is quoted, and belong to it where it is not. */
  #scanAfterBlank(from: number): number {
    const { bytes, limit, final } = this.window;
    const i = this.#behindBlanks(from);
    if (i >= limit && !final) return outOfBytes;
    if (bytes[i] !== QUOTE || i >= limit || this.#blanksAreText) return this.#scanBare(from);
    const { fieldCount, marks } = this;
    const lines = this.#lines;
    const trouble = this.#trouble;
    this.#isAfterBlank = true;
    const end = this.#scanQuoted(i + 1);
    if (this.#trouble === trouble) return end;
    // No quoted field after all, as in ` "so-called" customer`.
    this.fieldCount = fieldCount;
    this.marks = marks;
    this.#lines = lines;
    this.#trouble = trouble;
    return this.#scanBare(from);
  }

  /** Behind the blanks from an index on, fixed and wide ones included; the limit where it takes more bytes to see what follows. */
  #behindBlanks(from: number): number {
    const { bytes, limit, final } = this.window;
    let i = from;
    while (i < limit && bytes[i] !== this.#delimiter) {
      const byte = bytes[i] ?? 0;
      if (byte < 0x80) {
        if (!isBlank(byte)) break;
        i++;
      } else if (this.#isUtf8 && i + 3 > limit && !final) return limit;
      else {
        const length = this.#whiteAt(i);
        if (length === 0 || i + length > limit) break;
        i += length;
      }
    }
    return i;
  }

  /** Bytes of the white space at an index; 0 where there is none. */
  #whiteAt(at: number): number {
    const { bytes } = this.window;
    if (this.#isUtf8) return whiteSpace(bytes, at);
    return isWhite(bytes[at], this.#fixedBlank) ? 1 : 0;
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

  #afterClosingQuote(at: number): number {
    const { bytes, limit, final } = this.window;
    const i = this.#behindBlanks(at);
    if (i >= limit && !final) return outOfBytes;
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

  #finish(scannedTo: number): Taken {
    const { window } = this;
    if (this.#trouble !== undefined) return this.#rejectLine(this.#trouble);
    const ending = window.lineEnd(scannedTo);
    if (!ending) return this.#outOfBytes();
    const contentEnd = window.contentEndOf(scannedTo, ending.next);
    if (contentEnd === undefined) return this.#outOfBytes();
    if (contentEnd < scannedTo) this.#endLastField(contentEnd);
    const isBlankLine = this.isBlankFrom(0);
    window.accept(contentEnd, ending.next, this.#lines + 1);
    if (isBlankLine) return 'blank';
    if (contentEnd - window.start > readingLimits.maxRecordBytes) this.problem = tooLong;
    return 'record';
  }

  #endLastField(end: number): void {
    const last = this.fieldCount - 1;
    this.ends[last] = Math.min(this.ends[last] ?? 0, end);
  }

  /** The record does not end in the window: more bytes are needed, or it never ends in a bounded look. */
  #outOfBytes(): Taken {
    if (this.window.final || this.window.pending <= readingLimits.maxLookaheadBytes) return 'more';
    if (this.#isAfterBlank && !this.#blanksAreText) return this.#readBlanksAsText();
    const inQuotes = this.window.lineEnd(this.window.at) !== undefined;
    const reason = `the quote that opens field ${this.fieldCount + 1} is not closed within 4 MiB`;
    return this.#rejectLine(inQuotes ? reason : tooLong);
  }

  /** A quote behind a blank that does not close for so long opened nothing. */
  #readBlanksAsText(): Taken {
    this.#blanksAreText = true;
    const taken = this.next();
    this.#blanksAreText = false;
    return taken;
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

/** A Ctrl-Z is what old programs end a file with. */
function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === CTRL_Z;
}

/** White space in one byte. @param fixedBlank a byte that is white space, too */
function isWhite(byte = 0, fixedBlank?: number): boolean {
  return isBlank(byte) || byte === VERTICAL_TAB || byte === FORM_FEED || byte === fixedBlank;
}

/** Bytes of the white space at `bytes[at]` of UTF-8, marks of no width included; 0 where there is none. */
function whiteSpace(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  if (byte < 0x80) return isWhite(byte) ? 1 : 0;
  const second = bytes[at + 1] ?? 0;
  const third = bytes[at + 2] ?? 0;
  if (byte === 0xc2) return second === NBSP ? 2 : 0;
  return wideSpaces.has((byte << 16) | (second << 8) | third) ? 3 : 0;
}

/** As three bytes of UTF-8: U+2000 to U+200B, a narrow and a mathematical blank, an ideographic one, a byte order mark. */
const wideSpaces = new Set([
  ...Array.from({ length: 12 }, (_, i) => 0xe28080 + i),
  ...[0xe280af, 0xe2819f, 0xe38080, 0xefbbbf],
]);
