import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { isRemark } from '../plan/check-header.ts';
import { nameKey, shownName, visibleText } from '../plan/column-text.ts';
import type { ColumnTarget, RowPlan } from '../plan/import-plan.ts';
import type { CsvTokenizer } from '../read/csv-tokenizer.ts';
import { namedDelimiter } from '../read/dialect.ts';
import { withoutFormula } from '../read/formula.ts';
import { mark } from '../read/record-tokenizer.ts';
import {
  blankRow,
  constantsJson,
  invalidBytes,
  type JsonBuffer,
  jsonPrefix,
  placeOf,
  type TextSource,
  valueFor,
  windowEncoding,
} from './json-values.ts';

const SPACE = 32;
const DASH = 45;
const QUOTE = 34;
const EQUALS = 61;
const LETTER_S = 0x73;
const OPEN = 123;
const CLOSE = 125;

type Slot = ColumnTarget & { readonly prefix: Uint8Array };

/**
 * Writes the record that a tokenizer took last as one JSON object, straight from bytes to bytes: values are
 * decoded only where an encoding, a date or a length asks for it.
 */
export class CsvRowWriter {
  readonly #plan: RowPlan;
  readonly #slots: readonly (Slot | null)[];
  readonly #constants: Uint8Array;
  readonly #keyPrefix: Uint8Array | undefined;
  /** Set when the file's bytes are not UTF-8. */
  readonly #decoder: TextDecoder | undefined;
  readonly #text: TextSource;
  /** Where the file's own columns begin: behind the remarks of `rejected.csv`. */
  readonly #first: number;
  /** Their first name in lower case as bytes, where it is ASCII: rows that begin otherwise are not compared with the header. */
  readonly #firstName: Uint8Array | undefined;
  /** A name as a header line in the middle may repeat it: in any case, but for a single column, whose values may be words. */
  readonly #repeatable: (name: string) => string;

  /** The line below the header. */
  readonly #firstLine: number | undefined;

  /** @param firstLine the line below the header */
  constructor(plan: RowPlan, text: TextSource, firstLine?: number) {
    const encoding = windowEncoding(text);
    this.#firstLine = firstLine;
    this.#text = text;
    this.#plan = plan;
    this.#slots = plan.targets.map((target) => target && { ...target, prefix: jsonPrefix(target.jsonKey) });
    this.#constants = constantsJson(plan.constants);
    this.#keyPrefix = plan.rowKey && jsonPrefix(plan.rowKey.jsonKey);
    this.#decoder =
      encoding === 'utf-8' ? undefined : new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
    this.#first = Math.max(
      0,
      plan.header.findIndex((name) => !isRemark(name)),
    );
    const first = plan.header[this.#first] ?? '';
    this.#firstName = /^[\x20-\x7e]+$/.test(first) ? Buffer.from(first.toLowerCase()) : undefined;
    this.#repeatable = plan.header.length > 1 ? nameKey : visibleText;
  }

  /** Appends the row; what is wrong with it when it has to be rejected (then `out` may hold half of it), or that nothing is in it. */
  write(record: CsvTokenizer, out: JsonBuffer): string | typeof blankRow | undefined {
    const trouble = this.#checkRecord(record);
    if (trouble !== undefined) return trouble;
    if (this.#slots.every((slot, i) => !slot || record.isBlankField(i))) return blankRow;
    const open = out.length;
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots[i];
      if (!slot) continue;
      const reason = this.#writeField(record, i, slot, out);
      if (reason !== undefined) return `${shownName(this.#plan.header[i] ?? '')}: ${reason}`;
    }
    this.#close(record, open, out);
    return undefined;
  }

  #checkRecord(record: CsvTokenizer): string | undefined {
    const { window, marks } = record;
    if (record.problem !== undefined) return record.problem;
    if ((marks & mark.nul) !== 0)
      return `a NUL${placeOf(this.#text, window, window.bytes.indexOf(0, window.start))}`;
    if (this.#repeatsFirstLine(record)) return 'repeats the line sep=';
    if (record.fieldCount !== this.#plan.header.length || this.#plan.blankColumns) {
      const reason = this.#checkCount(record);
      if (reason !== undefined) return reason;
    }
    const checked = (marks & mark.nonAscii) !== 0 && this.#decoder === undefined;
    if (checked && !isUtf8(window.bytes.subarray(window.start, window.contentEnd)))
      return this.#notValid(record, window.start, window.contentEnd);
    if (this.#mayRepeatHeader(record) && this.#repeatsHeader(record)) return 'repeats the header line';
    return this.#isRuler(record) ? 'a line of dashes, as below the header of a printed table' : undefined;
  }

  #checkCount(record: CsvTokenizer): string | undefined {
    const { header, acceptsShortRows, blankColumns } = this.#plan;
    const { fieldCount } = record;
    const expected = header.length;
    if (fieldCount > expected && !record.isBlankFrom(expected))
      return `${fieldCount} fields where the header has ${expected}`;
    if (fieldCount < expected) {
      if (!acceptsShortRows)
        return `${fieldCount} fields where the header has ${expected} (set acceptShortRows if only its last ones are missing)`;
      record.padTo(expected);
    }
    const filled = blankColumns?.find((i) => !record.isBlankField(i));
    return filled === undefined ? undefined : `a value in column ${filled + 1}, which has no name`;
  }

  /** Whether every field is dashes: sqlcmd draws such a line below the header. The value of a single column may be two of them. */
  #isRuler({ window: { bytes, startLine }, starts, ends }: CsvTokenizer): boolean {
    if (startLine !== this.#firstLine) return false;
    const least = this.#slots.length - this.#first > 1 ? 2 : 3;
    if (bytes[starts[this.#first] ?? 0] !== DASH) return false;
    for (let i = this.#first; i < this.#slots.length; i++) {
      const start = starts[i] ?? 0;
      const end = ends[i] ?? 0;
      if (end - start < least) return false;
      for (let at = start; at < end; at++) if (bytes[at] !== DASH) return false;
    }
    return true;
  }

  /** Whether it is the line that names the delimiter, where such files were put together. */
  #repeatsFirstLine({ window, starts, fieldCount }: CsvTokenizer): boolean {
    // The values of a single column may be any text.
    if (fieldCount <= this.#first || this.#plan.header.length - this.#first === 1) return false;
    const { bytes, contentEnd } = window;
    const from = starts[this.#first] ?? 0;
    const mayBe =
      isLetterOf(bytes[from], LETTER_S) && (bytes[from + 3] === EQUALS || bytes[from + 3] === SPACE);
    return mayBe && namedDelimiter(bytes.subarray(from, contentEnd), 0) !== undefined;
  }

  #mayRepeatHeader({ window: { bytes }, starts, ends, fieldMarks }: CsvTokenizer): boolean {
    let start = starts[this.#first] ?? 0;
    let end = ends[this.#first] ?? 0;
    // Characters that cannot be seen may stand around the name.
    if (((fieldMarks[this.#first] ?? 0) & mark.nonAscii) !== 0) return true;
    const first = this.#firstName;
    if (!first || end - start < first.length) return false;
    while (start < end && isBlank(bytes[start])) start++;
    while (start < end && isBlank(bytes[end - 1])) end--;
    return isLetterOf(bytes[start], first[0]) && isLetterOf(bytes[end - 1], first.at(-1));
  }

  #repeatsHeader(record: CsvTokenizer): boolean {
    return this.#plan.header.every((name, i) => {
      if (i < this.#first) return true;
      const value = this.#decode(record, i);
      return value !== undefined && this.#repeatable(value) === this.#repeatable(name);
    });
  }

  #notValid({ window }: CsvTokenizer, start: number, end: number): string {
    const name = this.#text.encoding === 'utf-8' ? 'UTF-8' : this.#text.encoding;
    return invalidBytes(this.#text, name, window, start, end);
  }

  #writeField(record: CsvTokenizer, i: number, slot: Slot, out: JsonBuffer): string | undefined {
    const start = record.starts[i] ?? 0;
    const end = record.ends[i] ?? 0;
    const marks = record.fieldMarks[i] ?? 0;
    if (start === end && this.#plan.emptyAsAbsent) return undefined;
    const decoded = (marks & mark.nonAscii) !== 0 && this.#decoder !== undefined;
    const long = slot.maxLength !== undefined && end - start > slot.maxLength;
    const { bytes } = record.window;
    const isFormula = (marks & mark.escape) !== 0 && bytes[start] === EQUALS;
    if (decoded || long || isFormula || slot.date !== undefined) return this.#writeText(record, i, slot, out);
    out.raw(slot.prefix);
    if ((marks & mark.escape) !== 0) out.escaped(bytes, start, end, (marks & mark.doubled) !== 0);
    else out.copy(bytes, start, end);
    out.byte(QUOTE);
    return undefined;
  }

  /** The slow way, by a string. */
  #writeText(record: CsvTokenizer, i: number, slot: Slot, out: JsonBuffer): string | undefined {
    const text = this.#decode(record, i);
    if (text === undefined) return this.#notValid(record, record.starts[i] ?? 0, record.ends[i] ?? 0);
    const sent = valueFor(slot, text);
    if ('reason' in sent) return sent.reason;
    if (sent.value === '' && this.#plan.emptyAsAbsent) return undefined;
    out.raw(slot.prefix);
    out.text(sent.value);
    out.byte(QUOTE);
    return undefined;
  }

  #decode(record: CsvTokenizer, i: number): string | undefined {
    const bytes = record.window.bytes.subarray(record.starts[i], record.ends[i]);
    const doubled = ((record.fieldMarks[i] ?? 0) & mark.doubled) !== 0;
    try {
      const text = this.#decoder ? this.#decoder.decode(bytes) : Buffer.from(bytes).toString('utf8');
      return withoutFormula(doubled ? text.replaceAll('""', '"') : text);
    } catch {
      // The only thing a fatal decoder throws for: bytes that the encoding does not have.
      return undefined;
    }
  }

  /** Constants, row key and the braces; every member begins with a comma, the first one gives way to the brace. */
  #close(record: CsvTokenizer, open: number, out: JsonBuffer): void {
    out.raw(this.#constants);
    if (this.#keyPrefix && this.#plan.rowKey) {
      out.raw(this.#keyPrefix);
      out.text(`${this.#plan.rowKey.version}:${record.window.startLine}`);
      out.byte(QUOTE);
    }
    if (out.length === open) out.byte(OPEN);
    else out.bytes[open] = OPEN;
    out.byte(CLOSE);
  }
}

function isBlank(byte = 0): boolean {
  return byte <= SPACE;
}

/** Whether a byte is an ASCII character in upper or lower case. */
function isLetterOf(byte = 0, lower = 0): boolean {
  return byte === lower || (lower >= 0x61 && lower <= 0x7a && (byte | 0x20) === lower);
}
