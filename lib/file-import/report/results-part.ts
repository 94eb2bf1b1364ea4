import { type FrequentMessage, noteMessage } from './frequent-messages.ts';
import { type Verdict, verdictColumns } from './results-csv.ts';
import { emptyTally, type Tally } from './tally.ts';

const firstCapacity = 64 * 1024;
/** So many characters of text are encoded at once: a call for each line costs more than the line. */
const encodedAtOnce = 8 * 1024;
/** A UTF-16 unit takes three bytes in UTF-8 at most. */
const bytesPerUnit = 3;
const ZERO = 48;
const maxDigits = 16;

/**
 * A part of `results.csv`, as bytes that grow line by line, and what the lines came to. No text and no object is kept of a
 * line, and one part after another is gathered in the same place: in a file of millions of lines they would be most of the garbage.
 */
export class ResultsPart {
  /** Whose lines were added last. */
  group: number | undefined;
  tally: Tally = emptyTally();
  /** Lines that ServiceNow did not take, with the reason: they are given back in rejected.csv too. */
  failed: (readonly [line: number, reason: string])[] = [];
  #messages = new Map<string, FrequentMessage>();
  #bytes = Buffer.allocUnsafe(firstCapacity);
  #length = 0;
  #text = '';
  #last: Verdict | undefined;
  #lastColumns = '';
  #lastBytes: Uint8Array | undefined;

  /** Begins a part behind the lines `before`; what was in it is gone. */
  begin(group: number, before: string): void {
    this.#length = 0;
    this.#text = before;
    this.goOn(group);
  }

  /** Leaves what is in it and begins to count for another group. */
  goOn(group: number): void {
    this.group = group;
    this.tally = emptyTally();
    this.failed = [];
    this.#messages = new Map();
    this.#last = undefined;
  }

  /** Adds a line; they have to come in the order of the file. */
  add(line: number, verdict: Verdict): void {
    const { outcome, message = '' } = verdict;
    this.tally[outcome]++;
    if (verdict === this.#last) this.#addBytes(line);
    else this.#addText(line, verdict);
    if (outcome === 'inserted' || outcome === 'updated' || outcome === 'ignored') return;
    noteMessage(this.#messages, outcome, message, line);
    if (outcome === 'error' || outcome === 'skipped')
      this.failed.push([line, `${outcome}: ${message || 'no reason given'}`]);
  }

  /** Valid until the next line is added. */
  get csv(): Uint8Array {
    this.#encode();
    return this.#bytes.subarray(0, this.#length);
  }

  /** What went wrong, the most frequent first. */
  get messages(): FrequentMessage[] {
    return [...this.#messages.values()].sort((a, b) => b.count - a.count);
  }

  #addText(line: number, verdict: Verdict): void {
    this.#last = verdict;
    this.#lastColumns = `,${verdictColumns(verdict)}\r\n`;
    this.#lastBytes = undefined;
    this.#text += line + this.#lastColumns;
    if (this.#text.length >= encodedAtOnce) this.#encode();
  }

  /** A line with the verdict of the one before: there are long runs of them. */
  #addBytes(line: number): void {
    if (this.#text !== '') this.#encode();
    this.#lastBytes ??= Buffer.from(this.#lastColumns);
    this.#reserve(maxDigits + this.#lastBytes.length);
    this.#addDigits(line);
    this.#bytes.set(this.#lastBytes, this.#length);
    this.#length += this.#lastBytes.length;
  }

  #addDigits(line: number): void {
    let digits = 1;
    for (let bound = 10; bound <= line; bound *= 10) digits++;
    let rest = line;
    for (let at = this.#length + digits - 1; at >= this.#length; at--) {
      const tens = Math.floor(rest / 10);
      this.#bytes[at] = ZERO + rest - tens * 10;
      rest = tens;
    }
    this.#length += digits;
  }

  #encode(): void {
    this.#reserve(this.#text.length * bytesPerUnit);
    this.#length += this.#bytes.write(this.#text, this.#length);
    this.#text = '';
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
