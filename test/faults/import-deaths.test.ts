import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../emulator/instance/control/seeded-random.ts';
import type { StateTable } from '../../lib/aws/state-table.ts';
import { silentLog } from '../../lib/core/log.ts';
import { importActivities } from '../../lib/file-import/activities.ts';
import type { ImportSummary } from '../../lib/file-import/report/summary.ts';
import type { ImportRequest } from '../../lib/file-import/schedule/import-request.ts';
import { createSchedule } from '../../lib/file-import/schedule/schedule.ts';
import { runImport } from '../../lib/file-import/workflow.ts';
import { memoryStateTable } from '../lib/aws/memory-state-table.ts';
import { Crash, type Memory, memoryDurable } from '../lib/file-import/memory-durable.ts';
import { startWorld, type World } from '../lib/file-import/world.ts';

/** A process that dies at its n-th call to anything outside, before or after the call has taken effect. */
class Process {
  calls = 0;
  readonly #dieAt: number;
  readonly #isAfter: boolean;
  #isDead = false;

  constructor(dieAt: number, isAfter: boolean) {
    this.#dieAt = dieAt;
    this.#isAfter = isAfter;
  }

  async call<T>(run: () => Promise<T>): Promise<T> {
    if (this.#isDead) throw new Crash();
    if (++this.calls !== this.#dieAt) return run();
    this.#isDead = true;
    if (this.#isAfter) await run();
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

const rows = 5;
const rowsPerRequest = 2;

/** Every death in every mode with `IMPORT_DEATHS=all`, else a few of each mode. */
const isExhaustive = process.env['IMPORT_DEATHS'] === 'all';
const sampledDeaths = 6;
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

type Death = { readonly at: number; readonly isAfter: boolean };

/** The deaths to try among those of so many calls: all, or one in each stretch of the import. */
function deathsOf(calls: number, random: () => number): Death[] {
  if (isExhaustive)
    return Array.from({ length: 2 * calls }, (_, i) => ({ at: 1 + (i >> 1), isAfter: i % 2 === 1 }));
  const stretch = calls / sampledDeaths;
  return Array.from({ length: sampledDeaths }, (_, i) => ({
    at: 1 + Math.floor(stretch * (i + random())),
    isAfter: random() < 0.5,
  }));
}

/** Imports a file in processes of which the first dies at a call. */
async function importWith(
  world: World,
  table: StateTable & { items: ReadonlyMap<string, unknown> },
  name: string,
  first: Process,
) {
  const body = ['u_code,u_text', ...Array.from({ length: rows }, (_, i) => `${name}-${i},row ${i}`)].join(
    '\n',
  );
  const request: ImportRequest = await world.drop(`imports/imp_load/${name}.csv`, body);
  const memory: Memory = new Map();
  for (let process = first; ; process = new Process(0, false)) {
    const s3: S3Client = within(world.s3, process, send);
    const schedule = createSchedule({
      noteLost: async () => undefined,
      table: within(table, process, tableCalls),
      clock: world.clock,
      log: silentLog,
      maxConcurrent: 1,
      start: () => process.call(async () => undefined),
      wake: () => process.call(async () => undefined),
      earlierDrops: async () => [],
    });
    const client = within(world.client, process, send);
    const activities = importActivities({
      scope: { ...world.scope(() => client), s3 },
      schedule,
      startExecution: async () => undefined,
    });
    try {
      await schedule.receive(request);
      const answer = await runImport(memoryDurable(memory, world.clock), activities, { request });
      if ('continuedBy' in answer) throw new Error('one execution is enough');
      return { calls: first.calls, summary: answer, ...(await outcomeOf(world, answer, name)) };
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
}

async function outcomeOf(world: World, summary: ImportSummary, name: string) {
  const text = await world.read(summary.results['results'] ?? '');
  const listed = text.trimEnd().split('\r\n').slice(1);
  const staged = world
    .rows('imp_load')
    .flatMap((row) => (row['u_code']?.startsWith(`${name}-`) ? [row['u_code']] : []));
  const arrived = new Set(world.rows('u_item').map((row) => row['u_code']));
  const outcomes = listed.map((row) => row.split(',')[1] ?? '');
  return { lines: listed.map((row) => Number.parseInt(row, 10)), outcomes, staged, arrived };
}

let world: World;

beforeAll(async () => {
  world = await startWorld({ demoData: false });
});
afterAll(() => world.close());

describe.each([
  ['insertMultiple', {}, false],
  ['insertMultiple with keys', { keyColumn: 'u_key' }, false],
  ['insertMultiple in order', { ordered: true }, false],
  ['rows', { mode: 'rows' }, true],
  ['rows with keys', { mode: 'rows', keyColumn: 'u_key' }, false],
] as const)('an import by %s', (mode, settings, mayBeUnknown) => {
  it(`loses no row, doubles none and gives each its true verdict, wherever its process dies (seed ${seed})`, async () => {
    await world.settings('imp_load', {
      rowsPerRequest,
      concurrency: 1,
      inDoubtSeconds: 1,
      ...settings,
    });
    const prefix = mode.replaceAll(/\W/g, '');
    const whole = await importWith(
      world,
      memoryStateTable(world.clock),
      `${prefix}whole`,
      new Process(0, false),
    );
    expect(whole.outcomes).toEqual(Array.from({ length: rows }, () => 'inserted'));
    expect(whole.calls).toBeGreaterThan(20);
    for (const { at, isAfter } of deathsOf(whole.calls, seededRandom(seed))) {
      const where = `${mode}: death ${isAfter ? 'after' : 'before'} call ${at} of ${whole.calls}`;
      const table = memoryStateTable(world.clock);
      const name = `${prefix}${at}${isAfter ? 'a' : 'b'}`;
      const result = await importWith(world, table, name, new Process(at, isAfter));
      expect(result.lines, where).toEqual(Array.from({ length: rows }, (_, i) => i + 2));
      expect(new Set(result.staged).size, where).toBe(result.staged.length);
      for (const [i, outcome] of result.outcomes.entries()) {
        const code = `${name}-${i}`;
        if (outcome === 'inserted') expect(result.arrived.has(code), where).toBe(true);
        else
          expect(
            mayBeUnknown ? ['unknown'] : [],
            `${where}: ${outcome} ${result.summary.messages[0]?.message}`,
          ).toContain(outcome);
      }
      // No more than the one request that was under way.
      expect(result.outcomes.filter((one) => one === 'unknown').length, where).toBeLessThanOrEqual(
        rowsPerRequest,
      );
      const kept = [...table.items.keys()].filter((key) => key.includes('wait-list'));
      expect(kept, where).toEqual([]);
    }
  }, 900_000);
});
