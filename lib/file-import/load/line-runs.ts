/** Ascending line numbers as pairs of first line and how many follow one another: 2,3,4,9 is [2,3,9,1]. */
export type LineRuns = readonly number[];

export function addLine(runs: number[], line: number): void {
  const first = runs.at(-2);
  const count = runs.at(-1);
  if (first !== undefined && count !== undefined && first + count === line) runs[runs.length - 1] = count + 1;
  else runs.push(line, 1);
}

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

export function lineList(runs: LineRuns): number[] {
  return [...linesOf(runs)];
}

/** The line at a place in the list, from 0; undefined behind its end. */
export function lineAt(runs: LineRuns, place: number): number | undefined {
  let left = place;
  for (let i = 0; i < runs.length; i += 2) {
    const count = runs[i + 1] ?? 0;
    if (left < count) return left < 0 ? undefined : (runs[i] ?? 0) + left;
    left -= count;
  }
  return undefined;
}
