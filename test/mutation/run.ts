import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { type Mutant, mutantsOf } from './mutants.ts';

/** Where the tests of a room are. */
const testsOf: Readonly<Record<string, readonly string[]>> = {
  core: ['test/lib/core', 'test/lib/servicenow'],
};

const root = resolve(import.meta.dirname, '../..');
const copied = [
  'lib',
  'test',
  'functions',
  'cli',
  'deploy',
  'emulator',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];

type Candidate = { readonly room: string; readonly file: string; readonly mutant: Mutant };
type Verdict = 'killed' | 'timeout' | 'survived';

/**
 * Changes the sources of the given rooms in one small place at a time and runs their tests each time, in a copy of the
 * project. A mutant that no test notices is a behaviour that no test holds.
 * `--help` says how it is called. Exits 2 when the command line cannot be read.
 */
async function main({ rooms, sample, seed, limitMs, only }: Arguments): Promise<void> {
  const all = rooms.flatMap((room) => candidatesIn(room, only));
  const tried = sample === undefined ? all : sampleOf(all, sample, seed);
  print(`${all.length} mutants in ${rooms.join(', ')}; trying ${tried.length} (seed ${seed})`);
  const scratch = copyProject();
  try {
    for (const tests of new Set(rooms.flatMap((room) => testsOf[room] ?? [`test/lib/${room}`])))
      if ((await runTests(tests, scratch, limitMs)) !== 'survived')
        throw new Error(`${tests} fails without a mutant, or takes longer than --limit`);
    const survivors: Candidate[] = [];
    const tally = new Map<string, { killed: number; tried: number }>();
    for (const candidate of tried) {
      const verdict = await verdictOn(candidate, scratch, limitMs);
      const { file, mutant } = candidate;
      const counts = tally.get(file) ?? { killed: 0, tried: 0 };
      tally.set(file, { killed: counts.killed + (verdict === 'survived' ? 0 : 1), tried: counts.tried + 1 });
      if (verdict === 'survived') survivors.push(candidate);
      print(`${verdict.padEnd(8)} ${file}:${mutant.line}  ${mutant.change}`);
    }
    report(tally, survivors, seed);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function candidatesIn(room: string, only: string): Candidate[] {
  const folder = join(root, 'lib', room);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names
    .filter((name) => name.endsWith('.ts') && name.includes(only))
    .flatMap((name) => {
      const file = relative(root, join(folder, name));
      return mutantsOf(readFileSync(join(folder, name), 'utf8')).map((mutant) => ({ room, file, mutant }));
    });
}

/** The same sample for the same seed (mulberry32). */
function sampleOf(all: readonly Candidate[], size: number, seed: number): readonly Candidate[] {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    const mixedAgain = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixedAgain ^ (mixedAgain >>> 14)) >>> 0) / 2 ** 32;
  };
  const keyed = all.map((candidate) => ({ candidate, key: random() })).sort((a, b) => a.key - b.key);
  return keyed.slice(0, size).map(({ candidate }) => candidate);
}

function copyProject(): string {
  const scratch = mkdtempSync(join(tmpdir(), 'mutation-'));
  const skip = /[/\\](node_modules|test[/\\](faults|bench|e2e|package))$/;
  for (const name of copied)
    cpSync(join(root, name), join(scratch, name), { recursive: true, filter: (path) => !skip.test(path) });
  // A junction needs no privilege on Windows; elsewhere the type is ignored.
  symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'), 'junction');
  return scratch;
}

async function verdictOn(
  { room, file, mutant }: Candidate,
  scratch: string,
  limitMs: number,
): Promise<Verdict> {
  const path = join(scratch, file);
  const original = readFileSync(path, 'utf8');
  writeFileSync(path, mutant.source);
  try {
    for (const tests of stagesFor(room, file)) {
      const verdict = await runTests(tests, scratch, limitMs);
      if (verdict !== 'survived') return verdict;
    }
    return 'survived';
  } finally {
    writeFileSync(path, original);
  }
}

/** The tests named after the file first, since they are quick and most likely to notice; then the folders of its room. */
function stagesFor(room: string, file: string): readonly string[] {
  const folders = testsOf[room] ?? [`test/lib/${room}`];
  const named = `/${basename(file, '.ts')}.test.ts`;
  const tests = readdirSync(join(root, 'test/lib', room), { recursive: true, encoding: 'utf8' });
  return [
    ...tests.filter((name) => `/${name}`.endsWith(named)).map((name) => `test/lib/${room}/${name}`),
    ...folders,
  ];
}

/** Runs the tests of a file or folder until the first one fails. */
function runTests(tests: string, scratch: string, limitMs: number): Promise<Verdict> {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const options = ['run', tests, '--project', 'unit', '--bail', '1', '--reporter', 'dot'];
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const child = spawn(process.execPath, [vitest, ...options], { cwd: scratch, stdio: 'ignore' });
  const timer = setTimeout(() => {
    resolve('timeout');
    child.kill('SIGKILL');
  }, limitMs);
  child.on('close', (code) => {
    clearTimeout(timer);
    resolve(code === 0 ? 'survived' : 'killed');
  });
  return promise;
}

function report(
  tally: ReadonlyMap<string, { readonly killed: number; readonly tried: number }>,
  survivors: readonly Candidate[],
  seed: number,
): void {
  print('');
  for (const [file, { killed, tried }] of [...tally].sort()) print(`${killed}/${tried}  ${file}`);
  const counts = [...tally.values()];
  const tried = counts.reduce((sum, count) => sum + count.tried, 0);
  print(`\n${survivors.length} survived:`);
  for (const { file, mutant } of survivors) print(`  ${file}:${mutant.line}  ${mutant.change}`);
  const score = tried === 0 ? 100 : (100 * (tried - survivors.length)) / tried;
  print(`\nscore ${score.toFixed(1)} % of ${tried} mutants (seed ${seed})`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const words = process.argv.slice(2);
if (words.includes('--help') || words.includes('-h')) print(usage);
else {
  let asked: Arguments | undefined;
  try {
    asked = readArguments(words);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    process.exitCode = 2;
  }
  if (asked !== undefined) await main(asked);
}
