import { setImmediate } from 'node:timers/promises';
import type { SentChunk } from '../load/ledger.ts';
import { type LineRuns, linesOf } from '../load/line-runs.ts';
import type { LineResult, Verdict } from './results-csv.ts';
import type { ResultsPart } from './results-part.ts';

/** So many take a fraction of a millisecond. */
const linesAtOnce = 1_000;

/** Adds the lines of a group to a part in their order: those that were read to be sent, and between them the rejected ones. */
export class GroupLines {
  readonly #part: ResultsPart;
  readonly #rejected: readonly LineResult[];
  #next = 0;

  constructor(part: ResultsPart, rejected: readonly LineResult[]) {
    this.#part = part;
    this.#rejected = rejected;
  }

  /** Adds the next chunks of the group, a few at a time: other chunks are being sent meanwhile, and would have to wait. */
  async add(
    chunks: Iterable<SentChunk>,
    verdictsOf: (chunk: SentChunk) => (line: number) => Verdict,
  ): Promise<void> {
    let lines = 0;
    for (const chunk of chunks) {
      lines += chunk.rows;
      if (lines >= linesAtOnce) {
        await setImmediate();
        lines = 0;
      }
      this.#addLines(chunk.lines, verdictsOf(chunk));
    }
  }

  #addLines(lines: LineRuns, verdictOf: (line: number) => Verdict): void {
    for (const line of linesOf(lines)) {
      if (this.#next < this.#rejected.length) this.#rejectedBefore(line);
      this.#part.add(line, verdictOf(line));
    }
  }

  /** Adds what is rejected behind the last chunk. */
  end(): void {
    this.#rejectedBefore(Number.POSITIVE_INFINITY);
  }

  #rejectedBefore(line: number): void {
    for (let one = this.#rejected[this.#next]; one && one.line < line; one = this.#rejected[++this.#next])
      this.#part.add(one.line, one);
  }
}
