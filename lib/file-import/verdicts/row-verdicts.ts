import { setImmediate } from 'node:timers/promises';
import { type LineRuns, linesOf } from '../encode/chunk.ts';
import { groupName, type ImportFolder } from '../folder.ts';
import type { SentChunk } from '../load/ledger.ts';
import { type LineResult, lostAnswer, type Verdict } from '../load/row-outcome.ts';
import type { ResultsPart } from './results-part.ts';

/**
 * What became of each line of a chunk.
 * @param readBack what was read back, by line
 * @param stored what holds for lines that the instance has and of which nothing was read back
 */
export function chunkVerdicts(
  chunk: SentChunk,
  readBack: ReadonlyMap<number, Verdict>,
  stored: Verdict,
): (line: number) => Verdict {
  const atOnce = new Map(chunk.verdicts?.map((verdict) => [verdict.line, verdict]));
  const possiblySent = new Set(linesOf(chunk.possiblySent ?? []));
  const otherwise = withoutVerdict(chunk, stored);
  if (atOnce.size === 0 && readBack.size === 0 && possiblySent.size === 0) return () => otherwise;
  return (line) => atOnce.get(line) ?? readBack.get(line) ?? (possiblySent.has(line) ? unknown : otherwise);
}

const unknown: Verdict = { outcome: 'unknown', message: lostAnswer };

function withoutVerdict(chunk: SentChunk, stored: Verdict): Verdict {
  switch (chunk.state) {
    case 'refused':
      return { outcome: 'error', message: chunk.message ?? 'the instance refused the request' };
    case 'not-sent':
    case 'interrupted':
      return { outcome: 'notSent', message: 'the import had stopped' };
    case 'unknown':
    case 'lost':
      return chunk.message === undefined ? unknown : { outcome: 'unknown', message: chunk.message };
    case 'stored':
      return stored;
  }
}

/** The rows of a group that were not sent, as results. */
export async function rejectedResults(folder: ImportFolder, group: number): Promise<LineResult[]> {
  const stored = await folder.read(groupName('rejected', group));
  return (stored?.split('\n') ?? []).map((text) => {
    const { line, reason }: { line: number; reason: string } = JSON.parse(text);
    return { line, outcome: 'rejected', message: reason };
  });
}

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
