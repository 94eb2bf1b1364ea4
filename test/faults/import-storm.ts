import { seededRandom } from '../../emulator/instance/control/seeded-random.ts';
import { tallied } from '../../lib/file-import/load/row-outcome.ts';
import type { ImportSummary } from '../../lib/file-import/report/summary.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { Crash, type Memory } from '../lib/file-import/memory-durable.ts';
import type { World } from '../lib/file-import/world.ts';

export type StormOptions = {
  readonly seed: number;
  readonly rows: number;
  /** Rows carry their own key, so that none may be stored twice. */
  readonly keyed: boolean;
  /** Each row is an import of its own. */
  readonly single?: boolean;
};

/** What went over the import, and what came out. */
export type StormReport = {
  readonly summary: ImportSummary;
  readonly crashes: number;
  /** Line -> outcome, from results.csv. */
  readonly outcomes: ReadonlyMap<number, string>;
  /** Lines that results.csv names twice. */
  readonly repeated: readonly number[];
  readonly stagedTwice: readonly string[];
  readonly staged: number;
  readonly badLines: readonly number[];
  /** Secrets and rows' contents that were seen where they must not be. */
  readonly leaks: readonly string[];
};

const actions = ['reset-before-commit', 'reset-after-commit', 'throttled', 'unavailable', 'hibernate'];

/** Imports a file with bad rows while connections break, the instance throttles and sleeps, and the process dies. */
export async function runStorm(world: World, options: StormOptions): Promise<StormReport> {
  const { seed, rows, keyed, single = false } = options;
  const random = seededRandom(seed);
  const badLines: number[] = [];
  const contents = world.watch.content('row');
  const lines = Array.from({ length: rows }, (_, i) => {
    const bad = random() < 0.01;
    if (bad) badLines.push(i + 2);
    return bad ? `${seed}-${i}` : `${seed}-${i},${i} ${contents}`;
  });
  await world.settings('imp_load', {
    ...(keyed ? { keyColumn: 'u_key' } : {}),
    ...(single ? { mode: 'rows' } : {}),
    rowsPerRequest: 50,
    inDoubtSeconds: 5,
  });
  const request = await world.drop(
    `imports/imp_load/storm-${seed}.csv`,
    ['u_code,u_text', ...lines].join('\n'),
  );
  stirUp(world, random, seed, single ? '/api/now/v1/batch' : '/api/now/import/*');
  const { summary, crashes } = await runThroughCrashes(world, request, random);
  world.instance.control.faults.clear();
  const leaks = await world.leaks();
  return { summary, crashes, badLines, leaks, ...(await read(world, summary, `${seed}-`)) };
}

function stirUp(world: World, random: () => number, seed: number, path: string): void {
  const { faults } = world.instance.control;
  for (const [i, action] of actions.entries()) {
    const count = 1 + Math.floor(random() * 6);
    const skip = Math.floor(random() * 40);
    faults.add({ match: { method: 'POST', path }, action, count, skip, seed: seed + i });
    faults.add({ match: { method: 'GET' }, action, count, skip: skip + 10, seed: seed + i });
  }
}

async function runThroughCrashes(world: World, request: Parameters<World['run']>[0], random: () => number) {
  const memory: Memory = new Map();
  const planned = Math.floor(random() * 4);
  for (let crashes = 0; ; crashes++) {
    const client = crashes < planned ? mortal(world.client, 5 + Math.floor(random() * 60)) : world.client;
    try {
      return { summary: await world.run(request, memory, () => client), crashes };
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
}

/** A client whose process dies after so many calls, some of them already on the wire. */
function mortal(client: ServiceNowClient, calls: number): ServiceNowClient {
  let left = calls;
  return {
    async send(request, context) {
      const isLast = left-- <= 0;
      const answer = client.send(request, context);
      if (!isLast) return answer;
      // The request goes out; the process dies before its answer comes.
      answer.catch(() => undefined);
      throw new Crash();
    },
    close: () => client.close(),
  };
}

async function read(world: World, summary: ImportSummary, prefix: string) {
  const outcomes = new Map<number, string>();
  const repeated: number[] = [];
  const text = await world.read(summary.results['results'] ?? '');
  for (const row of text.trimEnd().split('\r\n').slice(1)) {
    const [line, outcome = ''] = row.split(',');
    if (outcomes.has(Number(line))) repeated.push(Number(line));
    outcomes.set(Number(line), outcome);
  }
  const codes = world
    .rows('imp_load')
    .flatMap((row) => (row['u_code']?.startsWith(prefix) ? [row['u_code']] : []));
  const seen = new Set<string>();
  const stagedTwice = codes.filter((code) => seen.size === seen.add(code).size);
  return { outcomes, repeated, stagedTwice, staged: seen.size };
}

/** What is wrong with the outcome of a storm; empty when all is well. */
export function findFaults(report: StormReport, { rows, keyed, single }: StormOptions): string[] {
  const { summary, outcomes, repeated, stagedTwice, staged, badLines } = report;
  const wrong: string[] = [...report.leaks];
  if (summary.lines.rows !== rows) wrong.push(`${summary.lines.rows} lines instead of ${rows}`);
  if (tallied(summary.counts) !== rows) wrong.push(`the counts add up to ${tallied(summary.counts)}`);
  if (outcomes.size !== rows || repeated.length > 0)
    wrong.push(`${outcomes.size} lines, ${repeated.length} twice`);
  if ((keyed || single) && stagedTwice.length > 0)
    wrong.push(`staged twice: ${stagedTwice.slice(0, 5).join(' ')}`);
  if (badLines.some((line) => outcomes.get(line) !== 'rejected')) wrong.push('a bad line was not rejected');
  if (keyed && summary.counts.unknown > 0) wrong.push(`${summary.counts.unknown} unknown although keyed`);
  const sound = rows - badLines.length;
  if (staged < sound - summary.counts.unknown) wrong.push(`only ${staged} of ${sound} rows staged`);
  if (summary.status !== 'completed') wrong.push(`${summary.status}: ${summary.reason}`);
  return wrong;
}
