import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { Coverage, type Selection } from './coverage.ts';
import { type Mutant, mutantsOf } from './mutants.ts';
import { type Unit, unitsOf } from './units.ts';
import { WarmTests } from './warm-tests.ts';

/** Where the tests of a room are; for each mutant those are run that run its code. */
const testsOf: Readonly<Record<string, readonly string[]>> = {
  core: ['test/lib/core/', 'test/lib/servicenow/'],
  servicenow: ['test/lib/servicenow/'],
  'record-queue': ['test/lib/record-queue/'],
};

const root = resolve(import.meta.dirname, '../..');
const baselineLimitMs = 3_600_000;

type Source = { readonly room: string; readonly file: string; readonly units: readonly Unit[] };
type Candidate = { readonly source: Source; readonly mutant: Mutant };
type Verdict = 'killed' | 'timeout' | 'survived' | 'not run';

/**
 * Changes the sources of the given rooms in one small place at a time and runs the tests that run this place, until one of them fails. A
 * mutant that no test notices is a behaviour that no test holds. Nothing is written: the changed source exists in the process of the tests.
 * Ctrl-C ends it with the score so far. `--help` says how it is called. Exits 2 when the command line cannot be read.
 */
async function main({ rooms, sample, seed, limitMs, only }: Arguments): Promise<void> {
  const sources = rooms.flatMap((room) => sourcesIn(room, only));
  const all = sources.flatMap((source) =>
    mutantsOf(readFileSync(join(root, source.file), 'utf8')).map((mutant) => ({ source, mutant })),
  );
  const tried = sample === undefined ? all : sampleOf(all, sample, seed);
  print(`${all.length} mutants in ${rooms.join(', ')}; trying ${tried.length} (seed ${seed})`);
  const tests = new WarmTests();
  try {
    const coverage = await measureCoverage(tests, rooms, sources);
    const trial = new Trial(tests, coverage, limitMs);
    const verdicts: { candidate: Candidate; verdict: Verdict }[] = [];
    let isStopped = false;
    process.once('SIGINT', () => {
      isStopped = true;
    });
    for (const candidate of tried) {
      const result = await trial.verdictOn(candidate).catch((error: unknown) => {
        // Ctrl-C ends the process of the tests too.
        if (!isStopped) throw error;
        return undefined;
      });
      if (result === undefined || isStopped) break;
      const { verdict, by } = result;
      verdicts.push({ candidate, verdict });
      print(`${verdict.padEnd(8)} ${nameOf(candidate)}${by === '' ? '' : `  (${by})`}`);
    }
    report(verdicts, seed);
  } finally {
    tests.end();
  }
}

function sourcesIn(room: string, only: string): Source[] {
  const folder = join(root, 'lib', room);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names
    .filter((name) => name.endsWith('.ts') && name.includes(only))
    .map((name) => {
      const { units } = unitsOf(readFileSync(join(folder, name), 'utf8'), () => '');
      return { room, file: relative(root, join(folder, name)), units };
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

async function measureCoverage(
  tests: WarmTests,
  rooms: readonly string[],
  sources: readonly Source[],
): Promise<Coverage> {
  const folders = new Set(rooms.flatMap((room) => testsOf[room] ?? []));
  const result = await tests.run(
    { recorded: sources.map(({ file }) => file), tests: [...folders].map((path) => ({ path })) },
    baselineLimitMs,
  );
  if (result === undefined) throw new Error('the tests take more than an hour without a mutant');
  if (result.failure !== undefined)
    throw new Error(`${result.failure.file} fails without a mutant: ${result.failure.message}`);
  print(`${result.ran.length} tests pass without a mutant`);
  return new Coverage(result);
}

/** Tries mutants one after the other. */
class Trial {
  readonly #tests: WarmTests;
  readonly #coverage: Coverage;
  readonly #limitMs: number;
  /** Whether a test passes alone without a mutant, by its id. */
  readonly #passesAlone = new Map<string, boolean>();

  constructor(tests: WarmTests, coverage: Coverage, limitMs: number) {
    this.#tests = tests;
    this.#coverage = coverage;
    this.#limitMs = limitMs;
  }

  async verdictOn({ source, mutant }: Candidate): Promise<{ verdict: Verdict; by: string }> {
    const { file, units } = source;
    const selected = this.#coverage.testsOf(file, units, mutant.offset);
    if (selected.length === 0) return { verdict: 'not run', by: '' };
    const mutated = { file, source: mutant.source };
    for (let tests = selected, limitMs = this.#limitFor(selected); ; ) {
      const result = await this.#tests.run({ mutated, tests: tests.map(forJob) }, limitMs);
      if (result === undefined) {
        // The machine may be busy: a mutant is to blame only if the same tests pass in that time without it.
        if ((await this.#tests.run({ tests: tests.map(forJob) }, limitMs)) !== undefined)
          return { verdict: 'timeout', by: '' };
        limitMs *= 2;
        continue;
      }
      const { failure } = result;
      if (failure === undefined) return { verdict: 'survived', by: '' };
      if (failure.id === undefined || (await this.#isSound(failure.file, failure.id, limitMs)))
        return { verdict: 'killed', by: failure.file };
      const { id } = failure;
      tests = tests.map((selection) => ({
        ...selection,
        ids: selection.ids.filter((other) => other !== id),
      }));
    }
  }

  #limitFor(tests: readonly Selection[]): number {
    return this.#limitMs + 10 * tests.reduce((sum, { durationMs }) => sum + durationMs, 0);
  }

  /** A test that needs others before it says nothing when it fails alone. */
  async #isSound(path: string, id: string, limitMs: number): Promise<boolean> {
    const known = this.#passesAlone.get(id);
    if (known !== undefined) return known;
    const result = await this.#tests.run({ tests: [{ path, ids: [id] }] }, limitMs);
    const passes = result !== undefined && result.failure === undefined;
    this.#passesAlone.set(id, passes);
    if (!passes) print(`${path}: a test fails when it runs alone, without a mutant; it is not counted`);
    return passes;
  }
}

function forJob({ path, ids }: Selection): { path: string; ids: readonly string[] } {
  return { path, ids };
}

function report(
  verdicts: readonly { readonly candidate: Candidate; readonly verdict: Verdict }[],
  seed: number,
): void {
  const survivors = verdicts.filter(({ verdict }) => verdict === 'survived' || verdict === 'not run');
  print(`\n${survivors.length} survived:`);
  for (const { candidate, verdict } of survivors)
    print(`  ${nameOf(candidate)}${verdict === 'not run' ? '  (no test runs it)' : ''}`);
  print('');
  for (const [room, ofRoom] of Map.groupBy(verdicts, ({ candidate }) => candidate.source.room))
    print(`${room}: ${scoreOf(ofRoom)}`);
  print(`score ${scoreOf(verdicts)} (seed ${seed})`);
}

function scoreOf(verdicts: readonly { readonly verdict: Verdict }[]): string {
  const count = (verdict: Verdict) => verdicts.filter((one) => one.verdict === verdict).length;
  const noticed = count('killed') + count('timeout');
  const percent = verdicts.length === 0 ? 100 : (100 * noticed) / verdicts.length;
  return `${percent.toFixed(1)} % of ${verdicts.length} mutants (${count('timeout')} by time-out)`;
}

function nameOf({ source, mutant }: Candidate): string {
  return `${source.file}:${mutant.line}  ${mutant.change}`;
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
