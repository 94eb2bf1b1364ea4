import { type FrequentMessage, noteMessage } from './frequent-messages.ts';
import { resultsHeader, type Verdict, verdictColumns } from './results-csv.ts';
import { emptyTally } from './tally.ts';

const firstCapacity = 64 * 1024;
/** So many characters of text are encoded at once: a call for each line costs more than the line. */
const encodedAtOnce = 8 * 1024;
/** A UTF-16 unit takes three bytes in UTF-8 at most. */
const bytesPerUnit = 3;

/**
 * A part of `results.csv`, as bytes that grow line by line, and what the lines came to. No text and no object is
 * kept of a line: in a file of millions they would be most of the garbage.
 */
export class ResultsPart {
  readonly tally = emptyTally();
  /** Lines that ServiceNow did not take, with the reason: they are given back in rejected.csv too. */
  readonly failed: (readonly [line: number, reason: string])[] = [];
  readonly #messages = new Map<string, FrequentMessage>();
  #bytes = Buffer.allocUnsafe(firstCapacity);
  #length = 0;
  #text: string;
  #last: Verdict | undefined;
  #lastColumns = '';

  /** @param isFirst it begins the file */
  constructor(isFirst: boolean) {
    this.#text = isFirst ? resultsHeader : '';
  }

  /** Adds a line; they have to come in the order of the file. */
  add(line: number, verdict: Verdict): void {
    const { outcome, message = '' } = verdict;
    this.tally[outcome]++;
    this.#text += `${line},${this.#columnsOf(verdict)}\r\n`;
    if (this.#text.length >= encodedAtOnce) this.#encode();
    if (outcome === 'inserted' || outcome === 'updated' || outcome === 'ignored') return;
    noteMessage(this.#messages, outcome, message, line);
    if (outcome === 'error' || outcome === 'skipped')
      this.failed.push([line, `${outcome}: ${message || 'no reason given'}`]);
  }

  get csv(): Uint8Array {
    this.#encode();
    return this.#bytes.subarray(0, this.#length);
  }

  /** What went wrong, the most frequent first. */
  get messages(): FrequentMessage[] {
    return [...this.#messages.values()].sort((a, b) => b.count - a.count);
  }

  /** Lines in a row often share one verdict. */
  #columnsOf(verdict: Verdict): string {
    if (verdict !== this.#last) this.#lastColumns = verdictColumns(verdict);
    this.#last = verdict;
    return this.#lastColumns;
  }

  #encode(): void {
    const needed = this.#length + this.#text.length * bytesPerUnit;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += this.#bytes.write(this.#text, this.#length);
    this.#text = '';
  }
}
