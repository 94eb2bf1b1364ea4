/** One measured figure, and the one it is compared with in the same run. */
export type Row = {
  /** What was measured, e.g. `cold start of getRecords`. */
  readonly what: string;
  /** The figure with its unit, e.g. `81.2 ms`. */
  readonly measured: string;
  /** The figure of the baseline in the same run, with its unit. */
  readonly baseline?: string;
  /** measured / baseline. */
  readonly ratio?: number;
  /** What the ratio or the figure is held to, as a reader would say it, e.g. `≤ 3.0×`. */
  readonly limit?: string;
  /** False when the limit is broken; absent when there is none. */
  readonly ok?: boolean;
};

/** What every bench module exports. */
export type Bench = {
  /** Short, e.g. `cold start`. */
  readonly name: string;
  run(): Promise<Row[]>;
};

/** The middle value; the mean of the two middle ones for an even count. @throws RangeError for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError('median of no values');
  return (lower + upper) / 2;
}

/** A row for two figures in the same unit, held to `measured ≤ maxRatio × baseline` when `maxRatio` is given. */
export function ratioRow(
  what: string,
  unit: string,
  figures: { measured: number; baseline: number; maxRatio?: number; minRatio?: number },
): Row {
  const { measured, baseline, maxRatio, minRatio } = figures;
  const ratio = measured / baseline;
  const row = { what, measured: `${round(measured)} ${unit}`, baseline: `${round(baseline)} ${unit}`, ratio };
  if (maxRatio !== undefined) return { ...row, limit: `≤ ${maxRatio}×`, ok: ratio <= maxRatio };
  if (minRatio !== undefined) return { ...row, limit: `≥ ${minRatio}×`, ok: ratio >= minRatio };
  return row;
}

/** Three significant digits, never in exponent form. */
export function round(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 3 });
}

/** The rows of one bench as a table for a terminal. */
export function formatRows(name: string, rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    row.measured,
    row.baseline ?? '',
    row.ratio === undefined ? '' : `${row.ratio.toFixed(2)}×`,
    row.limit ?? '',
    row.ok === undefined ? '' : row.ok ? 'ok' : 'BROKEN',
  ]);
  const table = [['what', 'measured', 'baseline', 'ratio', 'limit', ''], ...cells];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  const lines = table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [`${name}`, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

/** Runs one bench by itself: prints its table and sets the exit code when a limit is broken. */
export async function runAlone(bench: Bench): Promise<void> {
  const rows = await bench.run();
  process.stdout.write(formatRows(bench.name, rows));
  if (rows.some((row) => row.ok === false)) process.exitCode = 1;
}
