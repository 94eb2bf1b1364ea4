import type { Position } from '../plan/import-plan.ts';

/** Rows that go to the instance in one request. */
export type Chunk = {
  /** `{"records":[…]}` as UTF-8. */
  readonly body: Uint8Array;
  readonly rows: number;
  /** The physical line of each row, in the order of the rows. */
  readonly lines: LineRuns;
  /** Where the file goes on behind the chunk. */
  readonly next: Position;
};

/** A row that is not sent. */
export type RejectedRow = {
  readonly line: number;
  readonly reason: string;
  /** The record as it stands in the (decompressed) content, without its line ending. */
  readonly raw: Uint8Array;
};

/** Ascending line numbers as pairs of first line and how many follow one another: 2,3,4,9 is [2,3,9,1]. */
export type LineRuns = readonly number[];

/** Adds a line to runs of lines; it must lie behind all of them. */
export function addLine(runs: number[], line: number): void {
  const first = runs.at(-2);
  const count = runs.at(-1);
  if (first !== undefined && count !== undefined && first + count === line) runs[runs.length - 1] = count + 1;
  else runs.push(line, 1);
}

/** Ascending lines as runs. */
export function lineRuns(lines: Iterable<number>): number[] {
  const runs: number[] = [];
  for (const line of lines) addLine(runs, line);
  return runs;
}

/** The lines one by one. */
export function* linesOf(runs: LineRuns): Generator<number> {
  for (let i = 0; i < runs.length; i += 2) {
    const first = runs[i] ?? 0;
    const count = runs[i + 1] ?? 0;
    for (let n = 0; n < count; n++) yield first + n;
  }
}

/** How many lines there are. */
export function countLines(runs: LineRuns): number {
  return runs.reduce((sum, value, index) => (index % 2 === 1 ? sum + value : sum), 0);
}

/** Runs as single lines. */
export function lineList(runs: LineRuns): number[] {
  return [...linesOf(runs)];
}

/** The rows of a body that we built ourselves. */
export function rowsOf(body: Uint8Array): Record<string, string>[] {
  const parsed: { records: Record<string, string>[] } = JSON.parse(Buffer.from(body).toString('utf8'));
  return parsed.records;
}

/** The rows of a chunk that are on other lines. */
export function withoutLines(chunk: Chunk, left: ReadonlySet<number>): Chunk {
  return left.size === 0 ? chunk : filterLines(chunk, (line) => !left.has(line));
}

/** The rows of a chunk on the lines that pass. */
export function filterLines(chunk: Chunk, passes: (line: number) => boolean): Chunk {
  const all = lineList(chunk.lines);
  const records = rowsOf(chunk.body).filter((_, i) => passes(all[i] ?? 0));
  const lines = lineRuns(all.filter(passes));
  return { body: Buffer.from(JSON.stringify({ records })), rows: records.length, lines, next: chunk.next };
}
