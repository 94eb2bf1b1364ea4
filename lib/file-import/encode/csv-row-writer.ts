import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { characterCount } from '../plan/column-text.ts';
import { toServiceNowDate } from '../plan/date-column.ts';
import type { ColumnTarget, RowPlan } from '../plan/import-plan.ts';
import type { CsvTokenizer } from '../read/csv-tokenizer.ts';
import { mark } from '../read/record-tokenizer.ts';
import { constantsJson, type JsonBuffer, jsonPrefix } from './json-buffer.ts';
import { firstInvalid, placeOf, type TextSource, windowEncoding } from './text-source.ts';

const QUOTE = 34;
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

  constructor(plan: RowPlan, text: TextSource) {
    const encoding = windowEncoding(text);
    this.#text = text;
    this.#plan = plan;
    this.#slots = plan.targets.map((target) => target && { ...target, prefix: jsonPrefix(target.jsonKey) });
    this.#constants = constantsJson(plan.constants);
    this.#keyPrefix = plan.rowKey && jsonPrefix(plan.rowKey.jsonKey);
    this.#decoder =
      encoding === 'utf-8' ? undefined : new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  }

  /** Appends the row; what is wrong with it when it has to be rejected (then `out` may hold half of it). */
  write(record: CsvTokenizer, out: JsonBuffer): string | undefined {
    const trouble = this.#checkRecord(record);
    if (trouble !== undefined) return trouble;
    const open = out.length;
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots[i];
      if (!slot) continue;
      const reason = this.#writeField(record, i, slot, out);
      if (reason !== undefined) return `${this.#plan.header[i]}: ${reason}`;
    }
    this.#close(record, open, out);
    return undefined;
  }

  #checkRecord(record: CsvTokenizer): string | undefined {
    const { window, marks, fieldCount } = record;
    if (record.problem !== undefined) return record.problem;
    if ((marks & mark.nul) !== 0)
      return `a NUL${placeOf(this.#text, window, window.bytes.indexOf(0, window.start))}`;
    const expected = this.#plan.header.length;
    if (fieldCount !== expected) return `${fieldCount} fields where the header has ${expected}`;
    const checked = (marks & mark.nonAscii) !== 0 && this.#decoder === undefined;
    if (checked && !isUtf8(window.bytes.subarray(window.start, window.contentEnd)))
      return this.#notValid(record, window.start, window.contentEnd);
    return undefined;
  }

  #notValid({ window }: CsvTokenizer, start: number, end: number): string {
    const at = start + firstInvalid(window.bytes.subarray(start, end), windowEncoding(this.#text));
    const name = this.#text.encoding === 'utf-8' ? 'UTF-8' : this.#text.encoding;
    return `not valid ${name}${placeOf(this.#text, window, at)}`;
  }

  #writeField(record: CsvTokenizer, i: number, slot: Slot, out: JsonBuffer): string | undefined {
    const start = record.starts[i] ?? 0;
    const end = record.ends[i] ?? 0;
    const marks = record.fieldMarks[i] ?? 0;
    if (start === end && this.#plan.emptyAsAbsent) return undefined;
    const decoded = (marks & mark.nonAscii) !== 0 && this.#decoder !== undefined;
    const long = slot.maxLength !== undefined && end - start > slot.maxLength;
    if (decoded || long || slot.date !== undefined) return this.#writeText(record, i, slot, out);
    out.raw(slot.prefix);
    const { bytes } = record.window;
    if ((marks & mark.escape) !== 0) out.escaped(bytes, start, end, (marks & mark.doubled) !== 0);
    else out.copy(bytes, start, end);
    out.byte(QUOTE);
    return undefined;
  }

  /** The slow way, by a string. */
  #writeText(record: CsvTokenizer, i: number, slot: Slot, out: JsonBuffer): string | undefined {
    const text = this.#decode(record, i);
    if (text === undefined) return this.#notValid(record, record.starts[i] ?? 0, record.ends[i] ?? 0);
    const dated = slot.date ? toServiceNowDate(text, slot.date) : { date: text };
    if ('reason' in dated) return dated.reason;
    const value = dated.date;
    const length = characterCount(value);
    if (slot.maxLength !== undefined && length > slot.maxLength)
      return `${length} characters, ${slot.column} takes ${slot.maxLength}`;
    out.raw(slot.prefix);
    out.text(value);
    out.byte(QUOTE);
    return undefined;
  }

  #decode(record: CsvTokenizer, i: number): string | undefined {
    const bytes = record.window.bytes.subarray(record.starts[i], record.ends[i]);
    const doubled = ((record.fieldMarks[i] ?? 0) & mark.doubled) !== 0;
    try {
      const text = this.#decoder ? this.#decoder.decode(bytes) : Buffer.from(bytes).toString('utf8');
      return doubled ? text.replaceAll('""', '"') : text;
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
