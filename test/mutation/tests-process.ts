/**
 * A process that runs tests again and again and transforms only modules that changed. The parent sends a `Job`, gets a `Result` and ends
 * this process when a test is stuck: the tests run in threads, so that a loop without end does not keep this from being noticed.
 */
import { relative, resolve } from 'node:path';
import { createVitest, type Reporter, type TestCase, type TestSpecification } from 'vitest/node';
import { unitsOf } from './units.ts';

export type Job = {
  /** The file to run with another source; none for a run of the sources as they are. */
  readonly mutated?: { readonly file: string; readonly source: string };
  /** Files whose units are recorded. */
  readonly recorded?: readonly string[];
  /** Test files or folders, each with the ids of its tests (all when undefined), in the order in which they run. */
  readonly tests: readonly { readonly path: string; readonly ids?: readonly string[] }[];
};

export type RanTest = {
  readonly file: string;
  readonly id: string;
  readonly name: string;
  readonly durationMs: number;
  /** Indexes of `Result.units`. */
  readonly hits: readonly number[];
  readonly hitsBefore: readonly number[];
};

export type Result = {
  /** The units of the recorded files: `lib/core/limiter.ts 17`. */
  readonly units: readonly string[];
  readonly ran: readonly RanTest[];
  /** True when a test needed so much processor time that it will not end. */
  readonly isStuck: boolean;
  /** The first failure. */
  readonly failure?: { readonly file: string; readonly id?: string; readonly message: string };
};

const root = resolve(import.meta.dirname, '../..');
/** No test needs so much between two results; the time by the clock depends on what else the machine does. */
const mostCpuMicros = 15_000_000;
let job: Job = { tests: [] };
let touched: readonly string[] = [];
let failure: Result['failure'];
let cpuAtLastResult = process.cpuUsage();
let recordedUnits: string[] = [];

const sources = {
  name: 'sources',
  enforce: 'pre' as const,
  transform(code: string, id: string): { code: string; map: null } | undefined {
    const file = relative(root, id);
    if (file === job.mutated?.file) return { code: job.mutated.source, map: null };
    if (!job.recorded?.includes(file)) return undefined;
    const first = recordedUnits.length;
    const { units, instrumented } = unitsOf(code, (unit) => `globalThis.hitUnit?.(${first + unit})`);
    recordedUnits.push(...units.map((_, unit) => `${file} ${unit}`));
    return { code: instrumented, map: null };
  },
};

const firstFailure: Reporter = {
  onTestCaseResult(test) {
    cpuAtLastResult = process.cpuUsage();
    const { errors } = test.result();
    if (errors !== undefined && errors.length > 0) fail(test.module.moduleId, errors[0]?.message, test.id);
  },
  onTestModuleEnd(module) {
    const [error] = module.errors();
    if (error !== undefined) fail(module.moduleId, error.message);
  },
};

const vitest = await createVitest(
  'test',
  {
    config: false,
    root,
    watch: false,
    // What is mutated must be transformed again.
    fsModuleCache: false,
    include: ['test/{lib,functions}/**/*.test.ts'],
    isolate: false,
    pool: 'threads',
    maxWorkers: 1,
    setupFiles: ['test/fresh-process.ts', 'test/mutation/record-hits.ts'],
    sequence: { sequencer: inGivenOrder() },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: [firstFailure],
  },
  { plugins: [sources] },
);
await vitest.standalone();
const everyFile = await vitest.globTestSpecifications();

process.on('message', async (received: Job) => {
  cpuAtLastResult = process.cpuUsage();
  const stuck = Promise.withResolvers<Result>();
  const watch = setInterval(() => {
    const { user, system } = process.cpuUsage(cpuAtLastResult);
    if (user + system > mostCpuMicros) stuck.resolve({ units: [], ran: [], isStuck: true });
  }, 500);
  const result = await Promise.race([run(received).catch(asFailure), stuck.promise]);
  clearInterval(watch);
  process.send?.(result);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function run(received: Job): Promise<Result> {
  job = received;
  failure = undefined;
  recordedUnits = [];
  const changed = [...(job.recorded ?? []), ...(job.mutated === undefined ? [] : [job.mutated.file])];
  for (const file of new Set([...touched, ...changed])) vitest.invalidateFile(resolve(root, file));
  touched = changed;
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specificationsOf(job.tests));
  const [unhandled] = unhandledErrors;
  if (failure === undefined && unhandled !== undefined) failure = { file: '', message: String(unhandled) };
  const ran = testModules.flatMap((module) => [...module.children.allTests()].map(ranTest));
  return { units: recordedUnits, ran, isStuck: false, ...(failure !== undefined && { failure }) };
}

/** Of vitest itself: what a mutant can bring about outside of any test. */
function asFailure(error: unknown): Result {
  return { units: [], ran: [], isStuck: false, failure: { file: '', message: String(error) } };
}

function specificationsOf(tests: Job['tests']): TestSpecification[] {
  return tests.flatMap(({ path, ids }) => {
    const found = everyFile.filter(({ moduleId }) => relative(root, moduleId).startsWith(path));
    if (ids === undefined) return found;
    return found.map(({ project, moduleId }) => project.createSpecification(moduleId, { testIds: [...ids] }));
  });
}

function fail(moduleId: string, message = '', id?: string): void {
  if (failure !== undefined) return;
  failure = { file: relative(root, moduleId), message, ...(id !== undefined && { id }) };
  void vitest.cancelCurrentRun('test-failure');
}

function ranTest(test: TestCase): RanTest {
  const { hits = [], hitsBefore = [] } = test.meta();
  return {
    file: relative(root, test.module.moduleId),
    id: test.id,
    name: test.fullName,
    durationMs: test.diagnostic()?.duration ?? 0,
    hits,
    hitsBefore,
  };
}

/** The class that vitest asks for the order of files: as they were given. */
function inGivenOrder() {
  return class {
    sort(files: TestSpecification[]): TestSpecification[] {
      return files;
    }
    shard(files: TestSpecification[]): TestSpecification[] {
      return files;
    }
  };
}
