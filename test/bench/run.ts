import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readScriptArguments } from '../../deploy/script-arguments.ts';
import { type Bench, formatRows } from './report.ts';

const notBenches = new Set(['run.ts', 'report.ts', 'bundled-process.ts']);

/** Every bench of this folder, one after another, each in one table; exits 1 when a limit is broken. `npm run bench -- cold import` runs only the files whose names begin so. */
async function runAll(files: readonly string[]): Promise<void> {
  let broken = 0;
  for (const file of files) {
    broken += await runOne(file);
  }
  process.stdout.write(broken === 0 ? 'All limits held.\n' : `${broken} limit(s) broken.\n`);
  process.exitCode = broken === 0 ? 0 : 1;
}

/** @returns how many limits are broken; a bench that fails counts as one, and the others still run */
async function runOne(file: string): Promise<number> {
  try {
    const bench: Bench = await import(pathToFileURL(join(import.meta.dirname, file)).href);
    const rows = await bench.run();
    process.stdout.write(`${formatRows(bench.name, rows)}\n`);
    return rows.filter((row) => row.ok === false).length;
  } catch (error) {
    process.stderr.write(`${file} failed: ${error instanceof Error ? error.stack : error}\n\n`);
    return 1;
  }
}

const files = (await readdir(import.meta.dirname))
  .filter((file) => file.endsWith('.ts') && !notBenches.has(file))
  .toSorted();
const usage = `npm run bench -- [name …]: runs the benches whose files begin so, all without a name. There are:\n  ${files.join('\n  ')}`;
const wanted = readScriptArguments(usage, (word) => files.some((file) => file.startsWith(word)));
await runAll(files.filter((file) => wanted.length === 0 || wanted.some((name) => file.startsWith(name))));
