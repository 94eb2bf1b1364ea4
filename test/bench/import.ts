import { memoryOfLargeFile } from './import/large-file.ts';
import { importPace } from './import/pace.ts';
import { parsingSpeed } from './import/parsing-speed.ts';
import { throughWholeStack } from './import/whole-stack.ts';
import { type Row, runAlone } from './report.ts';

export const name =
  'imports: bytes to request bodies, whole imports against the sink, requests, memory, growth';

/** Big files only on demand: BENCH_IMPORT=full takes the 1 GB file and up to 5,000,000 rows. */
const isFull = process.env['BENCH_IMPORT'] === 'full';

export async function run(): Promise<Row[]> {
  return [
    ...(await parsingSpeed()),
    ...(await importPace(isFull)),
    ...(await memoryOfLargeFile(isFull)),
    ...(await throughWholeStack(isFull)),
  ];
}

if (import.meta.main) await runAlone({ name, run });
