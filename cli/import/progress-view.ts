import { failures, tallied } from '../../lib/file-import/load/row-outcome.ts';
import type { ImportProgress, ImportSummary } from '../../lib/file-import/report/summary.ts';
import { counted } from '../counted.ts';

/** What a progress bar shows. */
export type ProgressView = {
  /** 0 to 1; loading is the first half, verdicts the second. */
  readonly share: number;
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly errors: number;
  /** Seconds left at the present speed; undefined while there is too little to estimate from. */
  readonly secondsLeft: number | undefined;
  readonly phase: ImportProgress['phase'];
};

/** The progress bar of a running import. */
export function viewProgress(progress: ImportProgress): ProgressView {
  const seconds = Math.max(0.001, (Date.parse(progress.updatedAt) - Date.parse(progress.startedAt)) / 1000);
  const share = progress.phase === 'done' ? 1 : shareOf(progress);
  return {
    share,
    rows: progress.rows,
    rowsPerSecond: Math.round(progress.rows / seconds),
    errors: failures(progress.counts),
    secondsLeft: share > 0.01 ? Math.ceil((seconds * (1 - share)) / share) : undefined,
    phase: progress.phase,
  };
}

/** The last look at an import that came to its end, which it may have reached between two looks at its progress. */
export function viewEnd({ lines, counts, seconds }: ImportSummary): ProgressView {
  return {
    share: 1,
    rows: lines.rows,
    rowsPerSecond: Math.round(lines.rows / Math.max(0.001, seconds.total - seconds.waiting)),
    errors: failures(counts),
    secondsLeft: 0,
    phase: 'done',
  };
}

function shareOf({ bytes, rows, counts }: ImportProgress): number {
  if (bytes.total === 0 || bytes.read === 0 || rows === 0) return 0;
  const loaded = Math.min(1, bytes.read / bytes.total);
  const rowsInAll = rows / loaded;
  return (loaded + Math.min(1, tallied(counts) / rowsInAll)) / 2;
}

/** One line for where there is no terminal. */
export function progressLine(view: ProgressView): string {
  const { phase, share, rows, rowsPerSecond, errors, secondsLeft } = view;
  const left = secondsLeft === undefined ? '' : `, about ${secondsLeft} s left`;
  return `${phase}: ${(share * 100).toFixed(0)} %, ${counted(rows, 'row')}, ${rowsPerSecond} rows/s, ${counted(errors, 'error')}${left}`;
}
