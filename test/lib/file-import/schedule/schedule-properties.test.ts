import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { StateTable } from '../../../../lib/aws/state-table.ts';
import { silentLog } from '../../../../lib/core/log.ts';
import { executionName, type ImportRequest } from '../../../../lib/file-import/schedule/import-request.ts';
import { createSchedule } from '../../../../lib/file-import/schedule/schedule.ts';
import { memoryStateTable } from '../../aws/memory-state-table.ts';
import { importRequest } from '../import-request.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const startMs = Date.parse('2026-11-28T10:00:00.000Z');
const maxConcurrent = 2;

/** SQS shows a message again that was received by a process that died. Later drops of the table wait for so long. */
const redeliveryMs = 20_000;

class Death extends Error {}

/**
 * What was dropped: when, into which table, as which version of which key, and how late the event is. Two versions of one key have different
 * times: a listing shows only when the newest was stored, so that nothing distinguishes them before the event of the second.
 */
const drops = fc.uniqueArray(
  fc.record({
    table: fc.constantFrom('t', 'u', 'v'),
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    atMs: fc.integer({ min: 0, max: 20_000 }),
    lateMs: fc.constantFrom(0, 0, 500, 5_000, 45_000, 300_000),
    copies: fc.integer({ min: 1, max: 2 }),
    runsMs: fc.integer({ min: 1, max: 30_000 }),
  }),
  { minLength: 1, maxLength: 12, selector: ({ table, key, atMs }) => `${table} ${key} ${atMs}` },
);

type Job = { readonly atMs: number; readonly run: () => Promise<void> };

/**
 * Plays drops, their events, the imports and deaths of the processes against a clock. Every process is run again after its death: an
 * import at once, as the durable engine does, an event when SQS shows it again.
 */
async function play(dropped: ReadonlyArray<FromArbitrary>, deathAfterCalls: readonly number[]) {
  const clock = {
    nowMs: startMs,
    now: () => clock.nowMs,
    async sleep(ms: number) {
      clock.nowMs += ms;
    },
  };
  const jobs: Job[] = [];
  const requests = new Map<string, ImportRequest>();
  const log: { readonly import: string; readonly what: 'began' | 'ended' | 'superseded' }[] = [];
  const begun = new Set<string>();
  const deaths = [...deathAfterCalls];
  let callsLeft = deaths.shift() ?? Number.POSITIVE_INFINITY;

  const later = (afterMs: number, run: () => Promise<void>) =>
    void jobs.push({ atMs: clock.nowMs + afterMs, run });
  const memory = memoryStateTable(clock);
  /** The process dies before a call takes effect, or after. */
  const mortal = async <T>(call: () => Promise<T>): Promise<T> => {
    if (--callsLeft > 0) return call();
    const isAfter = deaths.length % 2 === 0;
    callsLeft = deaths.shift() ?? Number.POSITIVE_INFINITY;
    if (isAfter) await call();
    throw new Death();
  };
  const table: StateTable = {
    ...memory,
    read: (key) => mortal(() => memory.read(key)),
    readMany: (keys) => mortal(() => memory.readMany(keys)),
    put: (item, condition) => mortal(() => memory.put(item, condition)),
    delete: (key, condition) => mortal(() => memory.delete(key, condition)),
    query: (pk, range) => mortal(() => memory.query(pk, range)),
  };
  const schedule = createSchedule({
    noteLost: async () => undefined,
    noteSuperseded: async () => undefined,
    reportUnanswered: () => undefined,
    table,
    clock,
    log: silentLog,
    maxConcurrent,
    start: (request) =>
      mortal(async () => {
        const name = executionName(request);
        if (begun.has(name)) return;
        begun.add(name);
        later(5, () => runImport(request));
      }),
    wake: (seconds) =>
      mortal(async () => later(seconds * 1000, () => persistently(() => schedule.startDue()))),
    earlierDrops: (request, sinceMs) =>
      mortal(async () => {
        const earlier = stored.flatMap(({ key, table: other, atMs }, index) => {
          const modifiedMs = startMs + atMs;
          const isOther = other === request.table && keyOf(other, key) !== request.key;
          const isEarlier = modifiedMs <= Date.parse(request.droppedAt) && modifiedMs <= clock.nowMs;
          if (!isOther || !isEarlier || modifiedMs < sinceMs) return [];
          return [{ key: keyOf(other, key), size: 1, modifiedMs, eTag: `e${index}` }];
        });
        // Of each key the newest version, as a bucket lists it.
        return [...new Map(earlier.map((object) => [object.key, object])).values()];
      }),
  });

  /** Runs a process again until it has come to its end. */
  async function persistently(run: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await run();
        return;
      } catch (error) {
        if (!(error instanceof Death)) throw error;
        clock.nowMs += 1;
      }
    }
  }
  async function receiveEvent(request: ImportRequest): Promise<void> {
    try {
      const arrival = await schedule.receive(request);
      if (arrival.kind === 'superseded') log.push({ import: executionName(request), what: 'superseded' });
      await schedule.startDue();
    } catch (error) {
      if (!(error instanceof Death)) throw error;
      later(redeliveryMs, () => receiveEvent(request));
    }
  }
  const runsMs = new Map<string, number>();
  async function runImport(request: ImportRequest): Promise<void> {
    let holds = false;
    await persistently(async () => {
      holds = await schedule.renew(request, 1_800_000);
    });
    if (!holds) return later(60_000, () => runImport(request));
    const name = executionName(request);
    log.push({ import: name, what: 'began' });
    later(runsMs.get(name) ?? 1, async () => {
      log.push({ import: name, what: 'ended' });
      await persistently(() => schedule.leave(request));
    });
  }

  const stored = [...dropped].sort((a, b) => a.atMs - b.atMs);
  for (const [i, { table: folder, key, atMs, lateMs, copies, runsMs: ms }] of stored.entries()) {
    const request = importRequest({
      key: keyOf(folder, key),
      table: folder,
      versionId: `v${i}`,
      eTag: `e${i}`,
      droppedAt: new Date(startMs + atMs).toISOString(),
      sequencer: String(i).padStart(4, '0'),
    });
    requests.set(executionName(request), request);
    runsMs.set(executionName(request), ms);
    for (let copy = 0; copy < copies; copy++)
      jobs.push({
        atMs: startMs + atMs + lateMs + copy * 7_000,
        run: () => receiveEvent(request),
      });
  }
  for (let steps = 0; jobs.length > 0; steps++) {
    if (steps > 5_000) throw new Error('the schedule never came to rest');
    jobs.sort((a, b) => a.atMs - b.atMs);
    const job = jobs.shift();
    if (!job) break;
    clock.nowMs = Math.max(clock.nowMs, job.atMs);
    await job.run();
  }
  return { log, requests, items: memory.items };
}

type FromArbitrary = {
  readonly table: string;
  readonly key: string;
  readonly atMs: number;
  readonly lateMs: number;
  readonly copies: number;
  readonly runsMs: number;
};

function keyOf(folder: string, key: string): string {
  return `imports/${folder}/${key}.csv`;
}

it(`runs every drop once and in drop order, or says that it is superseded, through deaths at any call (seed ${seed})`, async () => {
  const seen = { superseded: 0, deaths: 0, late: 0, doubled: 0 };
  await fc.assert(
    fc.asyncProperty(
      drops,
      fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 6 }),
      async (dropped, deaths) => {
        const { log, requests, items } = await play(dropped, deaths);
        seen.deaths += deaths.length;
        seen.late += dropped.filter(({ lateMs }) => lateMs > 0).length;
        seen.doubled += dropped.filter(({ copies }) => copies > 1).length;
        const running = new Map<string, string>();
        const order = new Map<string, string[]>();
        for (const { import: name, what } of log) {
          const request = requests.get(name);
          if (!request) throw new Error(`${name} was never dropped`);
          if (what === 'began') {
            expect(running.get(request.table)).toBeUndefined();
            running.set(request.table, name);
            expect(running.size).toBeLessThanOrEqual(maxConcurrent);
            order.set(request.table, [
              ...(order.get(request.table) ?? []),
              `${request.droppedAt} ${request.sequencer}`,
            ]);
          } else if (what === 'ended') running.delete(request.table);
        }
        for (const name of requests.keys()) {
          const began = log.filter((entry) => entry.import === name && entry.what === 'began').length;
          const superseded = log.some((entry) => entry.import === name && entry.what === 'superseded');
          if (superseded) seen.superseded++;
          expect(began + (superseded ? 1 : 0)).toBe(1);
        }
        for (const drops of order.values()) expect(drops).toEqual([...drops].sort());
        expect([...items.values()].filter(({ pk }) => pk === 'import-wait-list')).toEqual([]);
      },
    ),
    { seed, numRuns: 300 },
  );
  for (const [kind, count] of Object.entries(seen)) expect(count, kind).toBeGreaterThan(0);
});
