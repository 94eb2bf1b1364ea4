import type { S3Client } from '@aws-sdk/client-s3';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import { silentLog } from '../../../lib/core/log.ts';
import { importActivities } from '../../../lib/file-import/activities.ts';
import type { ImportInput } from '../../../lib/file-import/import-input.ts';
import type { ImportSummary } from '../../../lib/file-import/report/summary.ts';
import { createSchedule } from '../../../lib/file-import/schedule/schedule.ts';
import { runImport } from '../../../lib/file-import/workflow.ts';
import { memoryStateTable } from '../../lib/aws/memory-state-table.ts';
import { Crash, type Memory, memoryDurable } from '../../lib/file-import/memory-durable.ts';
import { startWorld, type World } from '../../lib/file-import/world.ts';
import type { Counts, Damage, StormReport } from '../harness/storm-report.ts';
import { draw, everyMoment, type Moment } from './deaths.ts';

/** How an import is run, and whether the row under way may be unknown after a death. */
type Mode = { readonly settings: object; readonly mayBeUnknown?: true };

/** The ways in which an import sends its rows, by name. */
export const importModes: Readonly<Record<string, Mode>> = {
  insertMultiple: { settings: {} },
  'insertMultiple, keyed': { settings: { keyColumn: 'u_key' } },
  'insertMultiple, ordered': { settings: { ordered: true } },
  'insertMultiple, two at once': { settings: { concurrency: 2 } },
  'several executions': { settings: { keyColumn: 'u_key', rowsPerRequest: 1, operationsPerExecution: 8 } },
  rows: { settings: { mode: 'rows' }, mayBeUnknown: true },
  'rows, keyed': { settings: { mode: 'rows', keyColumn: 'u_key' } },
  'rows, ordered': { settings: { mode: 'rows', keyColumn: 'u_key', ordered: true } },
};

export type EveryDeathOptions = {
  readonly seed: number;
  /** Name of a mode. */
  readonly mode: string;
  /** Tries only so many moments, drawn by the seed. @default all */
  readonly moments?: number;
};

const rows = 5;
const rowsPerRequest = 2;

/**
 * Lets the process of an import die at every call that it makes to anything outside (S3, the state table, ServiceNow, Lambda, SQS), before
 * and after the call's effect, and judges each time what the instance holds and what is reported. It runs in this process,
 * with a clock that jumps, so that all moments can be tried.
 */
export async function runEveryImportDeath({ seed, mode, moments }: EveryDeathOptions): Promise<StormReport> {
  const started = performance.now();
  const world = await startWorld({ demoData: false });
  try {
    const trials = new Trials(world, mode);
    const whole = await trials.run(undefined);
    const damages = [...whole.damages];
    const all = everyMoment(whole.calls);
    const occurred: Record<string, number> = { deaths: 0, 'before the effect': 0, 'after the effect': 0 };
    const chosen = moments === undefined ? all : draw(all, moments, seededRandom(seed));
    for (const moment of chosen) {
      const { hasDied, damages: found } = await trials.run(moment);
      damages.push(...found);
      if (!hasDied) continue;
      for (const name of ['deaths', `${moment.side} the effect`]) occurred[name] = (occurred[name] ?? 0) + 1;
    }
    const title = `${occurred['deaths']} deaths at ${whole.calls} calls, import by ${mode}`;
    const seconds = (performance.now() - started) / 1000;
    return { title, seconds, occurred: occurred satisfies Counts, damages };
  } finally {
    await world.close();
  }
}

/** A process that dies at its n-th call to anything outside. */
class Process {
  calls = 0;
  isDead = false;
  readonly #moment: Moment | undefined;

  constructor(moment: Moment | undefined) {
    this.#moment = moment;
  }

  async call<T>(run: () => Promise<T>): Promise<T> {
    if (this.isDead) throw new Crash();
    if (++this.calls !== this.#moment?.call) return run();
    this.isDead = true;
    if (this.#moment.side === 'after') await run();
    throw new Crash();
  }
}

/** An object whose methods of these names are calls of a process. */
function within<T extends object>(target: T, process: Process, names: ReadonlySet<string>): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name);
      if (typeof value !== 'function') return value;
      if (!names.has(String(name))) return value.bind(object);
      return (...args: unknown[]) => process.call(() => value.apply(object, args));
    },
  });
}

const send = new Set(['send']);
const tableCalls = new Set(['read', 'readMany', 'put', 'delete', 'query']);

type Table = StateTable & { readonly items: ReadonlyMap<string, unknown> };

class Trials {
  readonly #world: World;
  readonly #mode: string;
  #number = 0;

  constructor(world: World, mode: string) {
    this.#world = world;
    this.#mode = mode;
  }

  async run(moment: Moment | undefined) {
    const world = this.#world;
    const { settings, mayBeUnknown } = importModes[this.#mode] ?? { settings: {} };
    await world.settings('imp_load', { rowsPerRequest, concurrency: 1, inDoubtSeconds: 1, ...settings });
    const name = `n${this.#number++}`;
    const table = memoryStateTable(world.clock);
    const first = new Process(moment);
    const summary = await this.#import(name, table, first);
    const where = moment
      ? `${this.#mode}, death ${moment.side} call ${moment.call}`
      : `${this.#mode}, no death`;
    const most = mayBeUnknown && moment ? rowsPerRequest : 0;
    const found = await this.#judge(summary, name, most);
    if ([...table.items.keys()].some((key) => key.includes('wait-list')))
      found.push(['wrong state', 'still waits']);
    const damages = found.map(([kind, text]): Damage => ({ kind, text: `${where}: ${text}` }));
    return { calls: first.calls, hasDied: first.isDead, damages };
  }

  /** Imports a file in processes of which the first may die. */
  async #import(name: string, table: Table, first: Process): Promise<ImportSummary> {
    const world = this.#world;
    const body = ['u_code,u_text', ...Array.from({ length: rows }, (_, i) => `${name}-${i},row ${i}`)];
    const request = await world.drop(`imports/imp_load/${name}.csv`, body.join('\n'));
    let input: ImportInput = { request };
    let memory: Memory = new Map();
    for (;;) {
      const process = first.isDead ? new Process(undefined) : first;
      const s3: S3Client = within(world.s3, process, send);
      const schedule = createSchedule({
        noteLost: async () => undefined,
        noteSuperseded: async () => undefined,
        reportUnanswered: () => undefined,
        table: within(table, process, tableCalls),
        clock: world.clock,
        log: silentLog,
        maxConcurrent: 1,
        start: () => process.call(async () => undefined),
        wake: () => process.call(async () => undefined),
        earlierDrops: async () => [],
      });
      const client = within(world.client, process, send);
      let next: ImportInput | undefined;
      const activities = importActivities({
        scope: { ...world.scope(() => client), s3 },
        schedule,
        startExecution: (_, resumed) =>
          process.call(async () => {
            next = JSON.parse(JSON.stringify(resumed));
          }),
      });
      try {
        await schedule.receive(request);
        const answer = await runImport(memoryDurable(memory, world.clock), activities, input);
        if (!('continuedBy' in answer)) return answer;
        if (next) [input, memory] = [next, new Map()];
        else throw new Error('nothing was chained');
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        // Started, though the one that started it died before it heard of it.
        if (next) [input, memory] = [next, new Map()];
      }
    }
  }

  async #judge(
    summary: ImportSummary,
    name: string,
    mostUnknown: number,
  ): Promise<[Damage['kind'], string][]> {
    const world = this.#world;
    const found: [Damage['kind'], string][] = [];
    const text = await world.read(summary.results['results'] ?? '');
    const listed = text.trimEnd().split('\r\n').slice(1);
    const lines = listed.map((row) => Number.parseInt(row, 10));
    if (lines.join() !== Array.from({ length: rows }, (_, i) => i + 2).join())
      found.push(['false verdict', `verdicts on lines ${lines.join()}`]);
    const own = world
      .rows('imp_load')
      .flatMap(({ u_code: code = '' }) => (code.startsWith(`${name}-`) ? [code] : []));
    if (new Set(own).size < own.length) found.push(['doubled', own.join()]);
    const arrived = new Set(world.rows('u_item').map((row) => row['u_code']));
    const outcomes = listed.map((row) => row.split(',')[1] ?? '');
    for (const [i, outcome] of outcomes.entries()) {
      const hasArrived = arrived.has(`${name}-${i}`);
      if (outcome === 'inserted' && !hasArrived) found.push(['lost', `row ${i}`]);
      if (outcome !== 'inserted' && outcome !== 'unknown')
        found.push(['false verdict', `row ${i} is ${outcome}`]);
    }
    const unknown = outcomes.filter((outcome) => outcome === 'unknown').length;
    if (unknown > mostUnknown) found.push(['false verdict', `${unknown} rows are unknown`]);
    return found;
  }
}
