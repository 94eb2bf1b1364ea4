import { type Row, round } from '../report.ts';
import { plainLine } from './files.ts';
import { importAlone, withOutside } from './processes.ts';

const maxMegabytes = 256;

/** Peak memory of a process that imports one large file, verdicts read back and results written. */
export async function memoryOfLargeFile(isFull: boolean): Promise<Row[]> {
  const bytes = isFull ? 1e9 : 1e8;
  const rows = Math.ceil(bytes / (plainLine(1_000_000).length + 1));
  const { maxRssMegabytes, seconds } = await withOutside((outside) => importAlone(outside, rows, 500));
  return [
    {
      what: `peak memory for ${round(bytes / 1e6)} MB (${rows} rows, ${round(seconds)} s)`,
      measured: `${round(maxRssMegabytes)} MB`,
      limit: `≤ ${maxMegabytes} MB`,
      ok: maxRssMegabytes <= maxMegabytes,
    },
  ];
}
