import { basename } from 'node:path';
import type { RanTest, Result } from './tests-process.ts';
import { type Unit, unitAt } from './units.ts';

/** The tests of a file that run a piece of code. */
export type Selection = {
  readonly path: string;
  readonly ids: readonly string[];
  /** How long they took without a mutant. */
  readonly durationMs: number;
};

/** Which tests run which piece of code, by one run of all tests. */
export class Coverage {
  readonly #tests: readonly RanTest[];
  /** The indexes of tests by `lib/core/limiter.ts 17`. */
  readonly #testsOf = new Map<string, Set<number>>();

  constructor({ ran, units }: Result) {
    this.#tests = ran;
    const testsOfFile = Map.groupBy(ran.keys(), (index) => ran[index]?.file);
    for (const [index, { file, hits, hitsBefore }] of ran.entries()) {
      this.#note(hits, [index], units);
      this.#note(hitsBefore, testsOfFile.get(file) ?? [], units);
    }
  }

  #note(hits: readonly number[], tests: readonly number[], units: readonly string[]): void {
    for (const hit of hits) {
      const unit = units[hit] ?? '';
      const noted = this.#testsOf.get(unit) ?? new Set();
      for (const test of tests) noted.add(test);
      this.#testsOf.set(unit, noted);
    }
  }

  /** The tests that run a place of a source file, by test files: those named after it first, then those of its room, quick ones first. */
  testsOf(file: string, units: readonly Unit[], offset: number): readonly Selection[] {
    const unit = unitAt(units, offset);
    const tests = [...(this.#testsOf.get(`${file} ${unit}`) ?? [])].flatMap(
      (index) => this.#tests[index] ?? [],
    );
    const selections = [...Map.groupBy(tests, (test) => test.file)].map(([path, chosen]) => ({
      path,
      ids: chosen.map(({ id }) => id),
      durationMs: chosen.reduce((sum, { durationMs }) => sum + durationMs, 0),
    }));
    const rank = ({ path }: Selection) => distance(path, file);
    return selections.toSorted((a, b) => rank(a) - rank(b) || a.durationMs - b.durationMs);
  }
}

function distance(test: string, file: string): number {
  if (basename(test) === basename(file).replace(/\.ts$/, '.test.ts')) return 0;
  const [, room] = file.split('/');
  return test.startsWith(`test/lib/${room}/`) ? 1 : 2;
}
