import { InvalidInputError } from '../../core/errors.ts';
import { quotedName, visibleText } from '../plan/column-text.ts';
import type { CsvTokenizer } from './csv-tokenizer.ts';
import { areAlike, leastAgreeing } from './dialect.ts';

/** Rows that are looked at. */
const wanted = 50;

/** What the first rows say of a header. */
export class FirstRows {
  readonly #header: readonly string[];
  readonly #nameless: Set<number>;
  /** Fields of each row, all of them and those up to its last value. */
  readonly #counts: number[] = [];
  readonly #inner: number[] = [];

  constructor(header: readonly string[]) {
    this.#header = header;
    this.#nameless = new Set(header.flatMap((name, i) => (visibleText(name) === '' ? [i] : [])));
  }

  get isWanting(): boolean {
    return this.#counts.length < wanted;
  }

  /** Places of the columns that have neither a name nor a value. */
  get emptyColumns(): readonly number[] {
    return [...this.#nameless];
  }

  /** Takes the record that was read last. */
  add(record: CsvTokenizer): void {
    if (record.problem !== undefined) return;
    let fields = Math.min(record.fieldCount, record.starts.length);
    while (fields > 0 && record.isBlankField(fields - 1)) fields--;
    this.#counts.push(record.fieldCount);
    this.#inner.push(fields);
    for (const i of this.#nameless) if (i < fields && !record.isBlankField(i)) this.#nameless.delete(i);
  }

  /**
   * Reports put a title above their header: one field, where the lines below agree on more.
   * @param line where what was taken for the header stands
   * @throws InvalidInputError naming it
   */
  refuseTitle(line: number): void {
    const [title = '', ...others] = this.#header;
    const from = this.#inner.findIndex((fields) => fields > 1);
    if (others.length > 0 || from < 0 || (from > 0 && this.#inner.length - from < leastAgreeing)) return;
    const counts = this.#counts.slice(from);
    if (!areAlike(counts) && !areAlike(this.#inner.slice(from))) return;
    throw new InvalidInputError(
      'header',
      `line ${line} has one field, ${quotedName(title)}, and the lines below it have ${counts[0] ?? 0}: it seems to be a title; delete what stands above the header`,
    );
  }
}
