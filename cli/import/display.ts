import { SingleBar } from 'cli-progress';
import type { ImportProgress, ImportSummary } from '../../lib/file-import/report/summary.ts';
import { onStop } from '../stop-signals.ts';
import { canMoveCursor } from '../terminal-text.ts';
import { type ProgressView, progressLine, viewEnd, viewProgress } from './progress-view.ts';

export type Display = {
  readonly show: (progress: ImportProgress) => void;
  /** @param summary of an import that has ended since it was shown last */
  readonly close: (summary?: ImportSummary) => void;
};

/** A live bar in a terminal, a plain line whenever something changes elsewhere. */
export function openDisplay(output: NodeJS.WriteStream): Display {
  return canMoveCursor(output) ? bar(output) : lines(output);
}

/** What stands on the line of a bar next to it takes so many columns, and is not to be cut off. */
const figures = 68;
const shortestBar = 10;
const longestBar = 40;

function bar(stream: NodeJS.WriteStream): Display {
  const single = new SingleBar({
    stream,
    format:
      '{phase} [{bar}] {percentage} % | {rows} rows | {rowsPerSecond} rows/s | {errors} errors | {left}',
    barsize: Math.max(shortestBar, Math.min(longestBar, (stream.columns || 80) - figures)),
    hideCursor: true,
    gracefulExit: false,
  });
  // Ctrl-C leaves cursor and line wrap as they were; the import goes on without this command.
  const off = onStop((exitCode) => {
    single.stop();
    process.exit(exitCode);
  });
  single.start(1_000, 0, { phase: 'waiting', rows: 0, rowsPerSecond: 0, errors: 0, left: '' });
  const draw = (view: ProgressView) =>
    single.update(Math.round(view.share * 1_000), { ...view, left: timeLeft(view) });
  return {
    show: (progress) => draw(viewProgress(progress)),
    close(summary) {
      if (summary?.status === 'completed') draw(viewEnd(summary));
      off();
      single.stop();
    },
  };
}

function timeLeft({ secondsLeft }: ProgressView): string {
  return secondsLeft === undefined ? '' : `${secondsLeft} s left`;
}

function lines(stream: NodeJS.WriteStream): Display {
  let last = '';
  return {
    show(progress) {
      const line = progressLine(viewProgress(progress));
      if (line !== last) stream.write(`${line}\n`);
      last = line;
    },
    close() {},
  };
}
