import { TextDecoder } from 'node:util';
import { isTooDeepText, maxDepth, tooDeep } from '../../core/parse-json.ts';
import { madeName, nameKey, shownName, visibleText } from '../plan/column-text.ts';
import type { ColumnTarget, RowPlan } from '../plan/import-plan.ts';
import { lineProblem } from '../plan/json-problem.ts';
import type { LineTokenizer } from '../read/record-tokenizer.ts';
import {
  blankRow,
  invalidBytes,
  type JsonBuffer,
  type TextSource,
  valueFor,
  windowEncoding,
} from './json-values.ts';

/** A row that cannot be sent, and why. */
type Refused = { readonly reason: string };

/** Names of a file that are looked up only once; a hostile file has no end of them. */
const maxKnownNames = 10_000;

/** Writes the JSON Lines record that a tokenizer took last as one flat object of strings. */
export class JsonRowWriter {
  readonly #plan: RowPlan;
  /** By what a person sees of a name; null for a column that is left out. */
  readonly #targets = new Map<string, ColumnTarget | null>();
  readonly #knownNames = new Map<string, ColumnTarget | null | undefined>();
  readonly #constants: ReadonlyMap<string, string>;
  readonly #decoder: TextDecoder;
  readonly #text: TextSource;

  constructor(plan: RowPlan, text: TextSource) {
    this.#text = text;
    this.#plan = plan;
    this.#constants = new Map(plan.constants);
    for (const [i, name] of plan.header.entries()) {
      const key = nameKey(name);
      if (!this.#targets.has(key)) this.#targets.set(key, plan.targets[i] ?? null);
      this.#knownNames.set(name, plan.targets[i] ?? null);
    }
    this.#decoder = new TextDecoder(windowEncoding(text), { fatal: true, ignoreBOM: true });
  }

  /** Appends the row; what is wrong with it when it has to be rejected, or that nothing is in it. */
  write(record: LineTokenizer, out: JsonBuffer): string | typeof blankRow | undefined {
    if (record.problem !== undefined) return record.problem;
    const row = this.#rowOf(record);
    if ('reason' in row) return row.reason;
    if ([...row.values.values()].every((value) => value === '' || visibleText(value) === '')) return blankRow;
    for (const [key, value] of this.#constants) row.values.set(key, value);
    const { rowKey } = this.#plan;
    if (rowKey) row.values.set(rowKey.jsonKey, `${rowKey.version}:${record.window.startLine}`);
    const members = [...row.values].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    out.raw(Buffer.from(`{${members.join(',')}}`));
    return undefined;
  }

  #rowOf(record: LineTokenizer): Refused | { readonly values: Map<string, string> } {
    const text = this.#decode(record);
    if (typeof text !== 'string') return text;
    // What was a list may still have its commas.
    const end = text.trimEnd();
    const parsed = parseObject(end.endsWith(',') ? end.slice(0, -1) : text);
    if ('reason' in parsed) return visibleText(text) === '' ? { values: new Map() } : parsed;
    const values = new Map<string, string>();
    for (const [name, value] of Object.entries(parsed.members)) {
      const reason = this.#setValue(values, name, value);
      if (reason !== undefined) return { reason: `${shownName(name)}: ${reason}` };
    }
    return { values };
  }

  #decode({ window }: LineTokenizer): string | Refused {
    const { start, contentEnd } = window;
    try {
      // Files that were put together have byte order marks in their middle.
      return this.#decoder.decode(window.bytes.subarray(start, contentEnd)).replace(/^\uFEFF+/, '');
    } catch {
      return { reason: invalidBytes(this.#text, this.#text.encoding, window, start, contentEnd) };
    }
  }

  #targetOf(name: string): ColumnTarget | null | undefined {
    if (this.#knownNames.has(name)) return this.#knownNames.get(name);
    const key = nameKey(name);
    const target = this.#targets.has(key) ? this.#targets.get(key) : this.#targets.get(madeName(key));
    if (this.#knownNames.size < maxKnownNames) this.#knownNames.set(name, target);
    return target;
  }

  #setValue(values: Map<string, string>, name: string, value: unknown): string | undefined {
    const target = this.#targetOf(name);
    if (target === undefined) return 'no such column in the staging table or the settings';
    if (target === null) return undefined;
    const text = scalarText(value);
    if (typeof text !== 'string') return text.reason;
    if (text === '' && this.#plan.emptyAsAbsent) return undefined;
    if (text.includes('\0')) return 'a NUL';
    if (!text.isWellFormed()) return 'half of a character (a surrogate alone)';
    if (values.has(target.jsonKey)) return `goes to ${target.column}, for which the row has a value already`;
    const sent = valueFor(target, text);
    if ('reason' in sent) return sent.reason;
    const taken = this.#takenBy(target, sent.value);
    if (taken !== undefined) return taken;
    values.set(target.jsonKey, sent.value);
    return undefined;
  }

  /** Constants and the row key never replace a value that the row has itself. */
  #takenBy({ jsonKey, column }: ColumnTarget, value: string): string | undefined {
    if (jsonKey === this.#plan.rowKey?.jsonKey)
      return `goes to ${column}, which is the keyColumn of _import.json; leave it out of the row`;
    const constant = this.#constants.get(jsonKey);
    return constant === undefined || constant === value
      ? undefined
      : `goes to ${column}, which gets another value from the constants of _import.json`;
  }
}

function parseObject(text: string): Refused | { readonly members: object } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    if (isTooDeepText(text)) return { reason: tooDeep };
    const problem = lineProblem(text);
    return { reason: problem === undefined ? 'not JSON' : `not JSON: ${problem}` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { reason: 'not a JSON object' };
  const names = namesIn(text);
  if (names === undefined) return { reason: tooDeep };
  if (names.length === Object.keys(value).length)
    return { members: mayBeWrittenOtherwise.test(text) ? withWrittenNumbers(text) : value };
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size) ?? '';
  return { reason: `${shownName(twice)}: is given twice` };
}

/** A string, or a bracket. */
const part = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gs;

/**
 * Names of the members of a JSON object, each as often as it is there: JSON.parse keeps the last of two.
 * @returns undefined where it nests too deep for what would read its values
 */
function namesIn(json: string): string[] | undefined {
  const names: string[] = [];
  let depth = 0;
  let last = '';
  for (const [token] of json.matchAll(part)) {
    if (token === '{' || token === '[') {
      if (++depth > maxDepth) return undefined;
    } else if (token === '}' || token === ']') depth--;
    else if (token === ':' && depth === 1) names.push(JSON.parse(last));
    last = token;
  }
  return names;
}

function scalarText(value: unknown): string | Refused {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (value instanceof WrittenNumber) return value.text;
  return typeof value === 'number'
    ? numberText(String(value))
    : { reason: 'holds an object or a list; only text, numbers and true or false can be sent' };
}

/** A number whose text `String` would change. */
class WrittenNumber {
  readonly text: string | Refused;

  constructor(source: string) {
    this.text = numberText(source);
  }
}

/** Numbers that are not plain integers, or have more digits than a number of JavaScript keeps: `1.0`, `1e2`, `-0`. */
const mayBeWrittenOtherwise = /[:,[]\s*-?(?:\d+[.eE]|(?<=-)0|\d{16})/;

/** The value of a JSON text, its numbers as they are written. */
function withWrittenNumbers(text: string): object {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' ? new WrittenNumber(context?.source ?? String(value)) : value,
  );
}

/** Digits and all as in the file, where an exponent is written out. */
function numberText(source: string): string | Refused {
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(source) ?? [];
  if (exponent === undefined) return source;
  const point = whole.length + Number(exponent);
  if (Math.abs(point) > maxDigits)
    return { reason: 'an exponent beyond what a column holds; write it as text' };
  const digits = `${'0'.repeat(Math.max(0, 1 - point))}${whole}${fraction}`.padEnd(point, '0');
  const at = Math.max(1, point);
  const integer = digits.slice(0, at).replace(/^0+(?=\d)/, '');
  return `${sign}${integer}${digits.length > at ? `.${digits.slice(at)}` : ''}`;
}

/** Digits before or behind a decimal point that an exponent may stand for. */
const maxDigits = 40;
