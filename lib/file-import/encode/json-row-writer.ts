import { TextDecoder } from 'node:util';
import { characterCount } from '../plan/column-text.ts';
import { toServiceNowDate } from '../plan/date-column.ts';
import type { ColumnTarget, RowPlan } from '../plan/import-plan.ts';
import type { LineTokenizer } from '../read/record-tokenizer.ts';
import type { JsonBuffer } from './json-buffer.ts';
import { firstInvalid, placeOf, type TextSource, windowEncoding } from './text-source.ts';

/** A row that cannot be sent, and why. */
type Refused = { readonly reason: string };

/** Writes the JSON Lines record that a tokenizer took last as one flat object of strings. */
export class JsonRowWriter {
  readonly #plan: RowPlan;
  readonly #targets: ReadonlyMap<string, ColumnTarget | null | undefined>;
  readonly #decoder: TextDecoder;
  readonly #text: TextSource;

  constructor(plan: RowPlan, text: TextSource) {
    this.#text = text;
    this.#plan = plan;
    this.#targets = new Map(plan.header.map((name, i) => [name, plan.targets[i]]));
    this.#decoder = new TextDecoder(windowEncoding(text), { fatal: true, ignoreBOM: true });
  }

  /** Appends the row; what is wrong with it when it has to be rejected. */
  write(record: LineTokenizer, out: JsonBuffer): string | undefined {
    if (record.problem !== undefined) return record.problem;
    const row = this.#rowOf(record);
    if ('reason' in row) return row.reason;
    for (const [key, value] of this.#plan.constants) row.values.set(key, value);
    const { rowKey } = this.#plan;
    if (rowKey) row.values.set(rowKey.jsonKey, `${rowKey.version}:${record.window.startLine}`);
    const members = [...row.values].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    out.raw(Buffer.from(`{${members.join(',')}}`));
    return undefined;
  }

  #rowOf(record: LineTokenizer): Refused | { readonly values: Map<string, string> } {
    const parsed = this.#parse(record);
    if ('reason' in parsed) return parsed;
    const values = new Map<string, string>();
    for (const [name, value] of parsed.entries) {
      const reason = this.#setValue(values, name, value);
      if (reason !== undefined) return { reason: `${name.slice(0, 60)}: ${reason}` };
    }
    return { values };
  }

  #parse({ window }: LineTokenizer): Refused | { readonly entries: [string, unknown][] } {
    const bytes = window.bytes.subarray(window.start, window.contentEnd);
    let text: string;
    try {
      text = this.#decoder.decode(bytes);
    } catch {
      const at = window.start + firstInvalid(bytes, this.#decoder.encoding);
      return { reason: `not valid ${this.#text.encoding}${placeOf(this.#text, window, at)}` };
    }
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        return { reason: 'not a JSON object' };
      return { entries: Object.entries(value) };
    } catch {
      return { reason: 'not JSON' };
    }
  }

  #setValue(values: Map<string, string>, name: string, value: unknown): string | undefined {
    if (!this.#targets.has(name)) return 'no such column in the staging table or the settings';
    const target = this.#targets.get(name);
    if (!target) return undefined;
    if (Number.isInteger(value) && !Number.isSafeInteger(value))
      return 'too large for a number; write it as text';
    const text = scalarText(value);
    if (text === undefined)
      return 'holds an object or a list; only text, numbers and true or false can be sent';
    if (text === '' && this.#plan.emptyAsAbsent) return undefined;
    if (text.includes('\0')) return 'a NUL';
    if (values.has(target.jsonKey)) return `goes to ${target.column}, for which the row has a value already`;
    const dated = target.date ? toServiceNowDate(text, target.date) : { date: text };
    if ('reason' in dated) return dated.reason;
    const sent = dated.date;
    const length = characterCount(sent);
    if (target.maxLength !== undefined && length > target.maxLength)
      return `${length} characters, ${target.column} takes ${target.maxLength}`;
    values.set(target.jsonKey, sent);
    return undefined;
  }
}

function scalarText(value: unknown): string | undefined {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
