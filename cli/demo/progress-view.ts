import { Presets, SingleBar } from 'cli-progress';
import { canMoveCursor } from '../terminal-text.ts';

/** Shows how far something is. */
export type ProgressView = {
  /** So many are done. */
  at(done: number): void;
  stop(): void;
};

/** A bar on a terminal, else a line at each further tenth. */
export function showProgress(total: number, say: (line: string) => void, unit = 'rows'): ProgressView {
  return canMoveCursor(process.stdout) ? bar(total, unit) : lines(total, say, unit);
}

function bar(total: number, unit: string): ProgressView {
  const format = `   {bar} {percentage}% | {value}/{total} ${unit} | {duration_formatted}`;
  // No mode of the terminal is changed, so that the demo can end at any time.
  const modes = { hideCursor: false, linewrap: true };
  const shown = new SingleBar({ format, ...modes }, Presets.shades_classic);
  shown.start(total, 0);
  return { at: (done) => shown.update(done), stop: () => shown.stop() };
}

function lines(total: number, say: (line: string) => void, unit: string): ProgressView {
  let shownTenths = 0;
  return {
    at(done) {
      const tenths = Math.floor((done / total) * 10);
      if (tenths > shownTenths) say(`   ${tenths * 10}% | ${done}/${total} ${unit}`);
      shownTenths = Math.max(shownTenths, tenths);
    },
    stop() {},
  };
}
