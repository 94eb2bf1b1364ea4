import { SingleBar } from 'cli-progress';
import type { ImportProgress } from '../../lib/file-import/report/summary.ts';
import { type ProgressView, progressLine, viewProgress } from './progress-view.ts';

export type Display = {
  readonly show: (progress: ImportProgress) => void;
  readonly close: () => void;
};

/** A live bar in a terminal, a plain line whenever something changes elsewhere. */
export function openDisplay(output: NodeJS.WriteStream): Display {
  return output.isTTY ? bar(output) : lines(output);
}

function bar(stream: NodeJS.WriteStream): Display {
  const single = new SingleBar({
    stream,
    format:
      '{phase} [{bar}] {percentage} % | {rows} rows | {rowsPerSecond} rows/s | {errors} errors | {left}',
    hideCursor: true,
    gracefulExit: false,
  });
  // Ctrl-C leaves cursor and line wrap as they were; the import goes on without this command.
  const onSignal = (signal: NodeJS.Signals) => {
    single.stop();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  single.start(1_000, 0, { phase: 'waiting', rows: 0, rowsPerSecond: 0, errors: 0, left: '' });
  return {
    show(progress) {
      const view = viewProgress(progress);
      single.update(Math.round(view.share * 1_000), { ...view, left: timeLeft(view) });
    },
    close() {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
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
