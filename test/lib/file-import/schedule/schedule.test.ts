import { beforeEach, describe, expect, it } from 'vitest';
import type { ListedObject } from '../../../../lib/aws/s3.ts';
import { silentLog } from '../../../../lib/core/log.ts';
import { EventDedup } from '../../../../lib/file-import/schedule/event-dedup.ts';
import { executionName, type ImportRequest } from '../../../../lib/file-import/schedule/import-request.ts';
import { createSchedule, type Schedule } from '../../../../lib/file-import/schedule/schedule.ts';
import { memoryStateTable } from '../../aws/memory-state-table.ts';
import { importRequest } from '../import-request.ts';

const startMs = Date.parse('2026-11-28T10:00:00.000Z');
const leaseMs = 1_800_000;

let clock: { nowMs: number; now(): number; sleep(ms: number): Promise<void> };
let table: ReturnType<typeof memoryStateTable>;
let started: string[];
let wakes: number[];
/** The key of a drop whose import cannot be started. */
let refused: string | undefined;
/** Drops whose answers cannot be written. */
let unanswered: Set<string>;
/** What was answered: the keys of lost imports, and by which version others are superseded. */
let answers: string[];
/** Drops of which it was reported that their answers cannot be written. */
let reported: string[];
/** What the bucket lists as dropped before. */
let listed: ListedObject[];
let schedule: Schedule;

beforeEach(() => {
  clock = {
    nowMs: startMs,
    now: () => clock.nowMs,
    async sleep(ms) {
      clock.nowMs += ms;
    },
  };
  table = memoryStateTable(clock);
  started = [];
  wakes = [];
  refused = undefined;
  unanswered = new Set();
  answers = [];
  reported = [];
  listed = [];
  schedule = open();
});

/** A process that works with the schedule. */
function open(maxConcurrent = 2): Schedule {
  const answer = async ({ key, versionId }: ImportRequest, what: string) => {
    if (unanswered.has(key)) throw new Error('S3 refuses it');
    answers.push(`${key} ${versionId} ${what}`);
  };
  return createSchedule({
    noteLost: (request) => answer(request, 'lost'),
    noteSuperseded: (request, by) => answer(request, `superseded by ${by}`),
    reportUnanswered: ({ key, versionId }, what) => void reported.push(`${key} ${versionId} ${what}`),
    table,
    clock,
    log: silentLog,
    maxConcurrent,
    start: async (request) => {
      if (request.key === refused) throw new Error('Lambda is away');
      started.push(request.key);
    },
    wake: async (seconds) => void wakes.push(seconds),
    earlierDrops: async (request, sinceMs) =>
      listed.filter(
        ({ key, modifiedMs }) =>
          key !== request.key && modifiedMs >= sinceMs && modifiedMs <= Date.parse(request.droppedAt),
      ),
  });
}

/** A drop some seconds before or after the start of the test. */
function drop(key: string, second: number, more: Partial<ImportRequest> = {}): ImportRequest {
  const droppedAt = new Date(startMs + second * 1000).toISOString();
  const [, folder = ''] = key.split('/');
  return importRequest({ key, table: folder.toLowerCase(), versionId: `v${second}`, droppedAt, ...more });
}

async function receive(...requests: ImportRequest[]): Promise<void> {
  for (const request of requests) await schedule.receive(request);
  await schedule.startDue();
}

/** Lets the time pass until the last wake-up message arrives. */
async function wakeUp(): Promise<void> {
  clock.nowMs += (wakes.at(-1) ?? 0) * 1000;
  await schedule.startDue();
}

describe('the schedule of imports', () => {
  it('runs one import of a staging table, in the order of the drops, whatever the order of their events', async () => {
    const [a, b, c] = [
      drop('imports/t/a.csv', -90),
      drop('imports/t/b.csv', -80),
      drop('imports/t/c.csv', -70),
    ];
    await receive(c, a, b);
    expect(started).toEqual([a.key]);
    await schedule.leave(a);
    await schedule.leave(b);
    await schedule.leave(c);
    expect(started).toEqual([a.key, b.key, c.key]);
  });

  it('runs no more imports than the deployment allows, and then the earliest of those that wait', async () => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name, i) => drop(`imports/${name}/x.csv`, -90 + i));
    if (!a || !b || !c || !d) throw new Error('four drops');
    await receive(d, c, b, a);
    expect(started).toEqual([a.key, b.key]);
    await schedule.leave(b);
    expect(started.at(-1)).toBe(c.key);
  });

  it('counts folders that differ in case only as one table', async () => {
    await receive(drop('imports/IMP_User/a.csv', -90), drop('imports/imp_user/b.csv', -80));
    expect(started).toEqual(['imports/IMP_User/a.csv']);
  });

  it('starts an import once however often its event is delivered, also after its end', async () => {
    const a = drop('imports/t/a.csv', -90);
    await receive(a, a);
    await schedule.renew(a, leaseMs);
    await receive(a);
    await schedule.leave(a);
    await receive(a);
    expect(await schedule.receive(a)).toEqual({ kind: 'repeated' });
    expect(started).toEqual([a.key]);
  });

  it('says which version supersedes one whose event is late, each time the event comes', async () => {
    const older = drop('imports/t/a.csv', -90, { sequencer: '01', versionId: 'old' });
    const newer = drop('imports/t/a.csv', -80, { sequencer: '02', versionId: 'new' });
    await receive(newer);
    for (const _ of [1, 2]) expect(await schedule.receive(older)).toEqual({ kind: 'superseded', by: 'new' });
  });

  it('runs both versions of a key whose events come in order', async () => {
    const older = drop('imports/t/a.csv', -90, { sequencer: '01', versionId: 'old' });
    const newer = drop('imports/t/a.csv', -90, { sequencer: '02', versionId: 'new' });
    await receive(older, newer);
    await schedule.leave(older);
    await schedule.leave(newer);
    expect(started).toHaveLength(2);
  });

  it('does not supersede what has begun, although its arrival was not noted: of a version, and of a file dropped again', async () => {
    const first = drop('imports/t/a.csv', -90, { sequencer: '01', versionId: 'old' });
    const place = { key: first.key, eTag: first.eTag, import: executionName(first) };
    const redrop = drop('imports/u/a~again-1.csv', -80, { redropped: { times: 1, first: place } });
    const dedup = new EventDedup(table, clock);
    // The process that put them into the wait-list died; they were granted from there.
    for (const request of [first, redrop]) expect(await dedup.begin(request)).toBe(true);
    await receive(drop('imports/t/a.csv', -70, { sequencer: '02', versionId: 'new' }));
    for (const request of [first, redrop])
      expect(await schedule.receive(request)).toEqual({ kind: 'repeated' });
  });

  describe('of two versions of a key', () => {
    const older = drop('imports/t/a.csv', -90, { sequencer: '01', versionId: 'old' });
    const newer = drop('imports/t/a.csv', -80, { sequencer: '02', versionId: 'new' });

    it('imports no older one that comes into the wait-list while the newer one is imported to its end', async () => {
      const { put } = table;
      let isHeldUp = true;
      table = {
        ...table,
        // Between reading what is known of the key and putting the drop into the wait-list, the other version comes and goes.
        async put(item, condition, call) {
          if (item.pk === 'import-wait-list' && isHeldUp) {
            isHeldUp = false;
            await receive(newer);
            await schedule.leave(newer);
          }
          return put(item, condition, call);
        },
      };
      await open().receive(older);
      await schedule.startDue();
      expect(started).toEqual([newer.key]);
      expect(answers).toEqual([`${older.key} old superseded by new`]);
      expect(await schedule.receive(older)).toEqual({ kind: 'superseded', by: 'new' });
      expect(await table.query('import-wait-list')).toEqual([]);
    });

    it('imports no older one whose event has the later time', async () => {
      const late = { ...older, droppedAt: '2026-11-28T09:59:00.000Z' };
      const early = { ...newer, droppedAt: '2026-11-28T09:58:59.000Z' };
      await schedule.receive(late);
      await schedule.receive(early);
      await schedule.startDue();
      await schedule.leave(early);
      expect(started).toEqual([newer.key]);
      expect(answers).toEqual([`${older.key} old superseded by new`]);
    });

    it('holds up no other table where the answer for the older one cannot be written, and writes it later', async () => {
      const late = { ...older, droppedAt: '2026-11-28T09:59:00.000Z' };
      const early = { ...newer, droppedAt: '2026-11-28T09:58:59.000Z' };
      unanswered.add(older.key);
      await receive(late, early);
      await schedule.leave(early);
      await receive(drop('imports/u/x.csv', -10));
      expect(started).toEqual([newer.key, 'imports/u/x.csv']);
      unanswered.clear();
      await wakeUp();
      expect(answers).toEqual([`${older.key} old superseded by new`]);
    });

    it('goes on with the next drop a quarter of an hour after the answer was due, and reports it', async () => {
      const late = { ...older, droppedAt: '2026-11-28T09:59:00.000Z' };
      const early = { ...newer, droppedAt: '2026-11-28T09:58:59.000Z' };
      const next = drop('imports/t/next.csv', -50);
      unanswered.add(older.key);
      await receive(late, early, next);
      clock.nowMs += 7_200_000;
      await schedule.leave(early);
      for (let minute = 0; minute < 14; minute++) await wakeUp();
      expect([started, reported]).toEqual([[newer.key], []]);
      await wakeUp();
      expect(started).toEqual([newer.key, next.key]);
      expect(reported).toEqual([`${older.key} old superseded`]);
      expect(await schedule.receive(late)).toEqual({ kind: 'superseded', by: 'new' });
    });

    it('goes by the time of an event that has no sequencer', async () => {
      await receive(older);
      await receive({ ...newer, sequencer: '' });
      await schedule.leave(older);
      await schedule.leave({ ...newer, sequencer: '' });
      expect(started).toEqual([older.key, newer.key]);
    });

    it('goes on with an older one that had begun, though a newer one was imported while its lease had run out', async () => {
      await receive(older, newer);
      await schedule.renew(older, leaseMs);
      clock.nowMs += leaseMs + 1;
      await schedule.startDue();
      clock.nowMs += 600_000;
      await schedule.startDue();
      expect(await schedule.renew(older, leaseMs)).toBe(false);
      await schedule.leave(newer);
      expect(await schedule.renew(older, leaseMs)).toBe(true);
    });
  });

  it('does not begin what is superseded', async () => {
    const older = drop('imports/t/a.csv', -90, { sequencer: '01', versionId: 'old' });
    await receive(drop('imports/t/a.csv', -80, { sequencer: '02', versionId: 'new' }));
    await schedule.receive(older);
    expect(await new EventDedup(table, clock).begin(older)).toBe(false);
  });

  it('lets the others go on when one cannot be started, and wakes itself to start it', async () => {
    const [a, other] = [drop('imports/t/a.csv', -90), drop('imports/u/x.csv', -80)];
    refused = a.key;
    await receive(a, drop('imports/t/b.csv', -80), other);
    expect(started).toEqual([other.key]);
    await schedule.renew(other, 7_200_000);
    for (let minute = 0; minute < 60; minute++) await wakeUp();
    // One message at a time, a minute apart.
    expect(wakes.slice(-10)).toEqual(Array.from({ length: 10 }, () => 60));
    expect(started).toEqual([other.key]);
    refused = undefined;
    await wakeUp();
    expect(started).toEqual([other.key, a.key]);
  });

  it('asks ever more rarely after a start that is throttled for hours', async () => {
    await receive(drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80));
    await schedule.startDue();
    const untilMs = clock.nowMs + 5 * 3_600_000;
    while (clock.nowMs < untilMs) await wakeUp();
    expect(wakes.length).toBeLessThan(40);
  });

  it('starts an import again whose process died between granting and starting', async () => {
    const a = drop('imports/t/a.csv', -90);
    await schedule.receive(a);
    const dying = createSchedule({
      noteLost: async () => undefined,
      noteSuperseded: async () => undefined,
      reportUnanswered: () => undefined,
      table,
      clock,
      log: silentLog,
      maxConcurrent: 2,
      start: () => new Promise(() => undefined),
      wake: async () => undefined,
      earlierDrops: async () => [],
    });
    dying.startDue();
    await new Promise((resolve) => setImmediate(resolve));
    await schedule.startDue();
    expect(started).toEqual([]);
    // The wake-up message for that is on its way.
    expect(wakes).toEqual([10]);
    clock.nowMs += 10_000;
    await schedule.startDue();
    expect(started).toEqual([a.key]);
  });

  it('costs nothing while imports wait: one wake-up message is on its way, however many events come', async () => {
    const drops = Array.from({ length: 20 }, (_, i) => drop(`imports/t/${i}.csv`, -90 + i));
    const [first, ...others] = drops;
    if (!first) throw new Error('a drop');
    await receive(first);
    await schedule.renew(first, leaseMs);
    for (const one of [...others, ...others]) await receive(one);
    expect(wakes).toEqual([900]);
  });

  it('sends the next wake-up message when one has come to a host whose clock is behind', async () => {
    await receive(drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80));
    expect(wakes).toHaveLength(1);
    clock.nowMs += (wakes[0] ?? 0) * 1000 - 400;
    await schedule.startDue(true);
    expect(wakes).toHaveLength(2);
  });

  it('sends no message when nothing waits', async () => {
    const a = drop('imports/t/a.csv', -90);
    await receive(a);
    await schedule.renew(a, leaseMs);
    await schedule.startDue();
    expect(wakes).toEqual([]);
  });
});

describe('an earlier drop whose event is under way', () => {
  const listing = (key: string, second: number, eTag = '') => {
    return { key, size: 1, modifiedMs: startMs + second * 1000, eTag };
  };

  it('is waited for, and then runs first', async () => {
    const [a, b] = [drop('imports/t/a.csv', -20), drop('imports/t/b.csv', -10)];
    listed = [listing(a.key, -20), listing(b.key, -10)];
    await receive(b);
    expect(started).toEqual([]);
    await receive(a);
    expect(started).toEqual([a.key]);
  });

  it('is waited for without haste when the listing dates it by the beginning of a long upload', async () => {
    const parts = createSchedule({
      noteLost: async () => undefined,
      noteSuperseded: async () => undefined,
      reportUnanswered: () => undefined,
      table,
      clock,
      log: silentLog,
      maxConcurrent: 2,
      start: async (request) => void started.push(request.key),
      wake: async (seconds) => void wakes.push(seconds),
      earlierDrops: async () => [listing('imports/t/large.csv', -7_200, 'e-2')],
    });
    await parts.receive(drop('imports/t/b.csv', -10));
    await parts.startDue();
    expect([started, wakes]).toEqual([[], [891]]);
    clock.nowMs += 891_000;
    await parts.startDue(true);
    expect(started).toEqual(['imports/t/b.csv']);
  });

  it('is in the list by the time its event has come: the list is read again', async () => {
    const [a, b] = [drop('imports/t/a.csv', -20), drop('imports/t/b.csv', -10)];
    await schedule.receive(b);
    const other = open();
    const racing = createSchedule({
      noteLost: async () => undefined,
      noteSuperseded: async () => undefined,
      reportUnanswered: () => undefined,
      table,
      clock,
      log: silentLog,
      maxConcurrent: 2,
      start: async (request) => void started.push(request.key),
      wake: async () => undefined,
      // Between the first look at the list and the look at the bucket, the event of `a` comes.
      async earlierDrops() {
        await other.receive(a);
        return [listing(a.key, -20)];
      },
    });
    await racing.startDue();
    expect(started).toEqual([a.key]);
  });

  it('is waited for until a quarter of an hour after it was dropped, and a wake-up message ends the wait', async () => {
    const [b, c] = [drop('imports/t/b.csv', -10), drop('imports/t/c.csv', 880)];
    listed = [listing('imports/t/never.csv', -20)];
    await receive(b);
    expect(wakes).toEqual([881]);
    clock.nowMs += 880_000;
    await schedule.startDue();
    expect(started).toEqual([]);
    clock.nowMs += 1_000;
    await schedule.startDue();
    expect(started).toEqual([b.key]);
    await schedule.leave(b);
    await receive(c);
    expect(started).toEqual([b.key, c.key]);
  });

  it('runs first though its event comes ten minutes late', async () => {
    const [a, b] = [drop('imports/t/a.csv', -20), drop('imports/t/b.csv', -10)];
    listed = [listing(a.key, -20), listing(b.key, -10)];
    await receive(b);
    clock.nowMs += 600_000;
    await schedule.startDue();
    await receive(a);
    await schedule.leave(a);
    expect(started).toEqual([a.key, b.key]);
  });

  it('is one that replaces a file known from before', async () => {
    const known = drop('imports/t/a.csv', -3_600);
    await receive(known);
    await schedule.leave(known);
    listed = [listing(known.key, -20)];
    await receive(drop('imports/t/b.csv', -10));
    expect(started).toEqual([known.key]);
  });

  it('is waited for though another version of its key of the same second has arrived', async () => {
    const old = drop('imports/t/a.csv', -20, { eTag: 'e1', versionId: 'v1', sequencer: '01' });
    const newer = drop('imports/t/a.csv', -20, { eTag: 'e2', versionId: 'v2', sequencer: '02' });
    const b = drop('imports/t/b.csv', -10);
    await receive(old);
    await schedule.leave(old);
    listed = [listing(newer.key, -20, 'e2'), listing(b.key, -10, 'e')];
    await receive(b);
    expect(started).toEqual([old.key]);
    await receive(newer);
    await schedule.leave(newer);
    expect(started).toEqual([old.key, newer.key, b.key]);
  });

  it('holds up its own table only', async () => {
    listed = [listing('imports/t/never.csv', -20)];
    await receive(drop('imports/t/b.csv', -10), drop('imports/u/c.csv', -90));
    expect(started).toEqual(['imports/u/c.csv']);
  });
});

describe('a lease', () => {
  it('passes on when its import has not been heard of for its length', async () => {
    const [dead, next] = [drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80)];
    await receive(dead, next);
    await schedule.renew(dead, leaseMs);
    clock.nowMs += leaseMs - 1;
    await schedule.startDue();
    expect(started).toEqual([dead.key]);
    clock.nowMs += 2;
    await schedule.startDue();
    // It may have been unable to renew it: the state table may have been away.
    expect(started).toEqual([dead.key]);
    // The wake-up message for the end of the lease, and the one for the end of the grace.
    await wakeUp();
    expect(started).toEqual([dead.key]);
    await wakeUp();
    expect(started).toEqual([dead.key, next.key]);
  });

  it('that has run out holds up no other table where its drop cannot be answered, and its own for a quarter of an hour', async () => {
    const [dead, next] = [drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80)];
    unanswered.add(dead.key);
    await receive(dead, next);
    await schedule.renew(dead, leaseMs);
    clock.nowMs += leaseMs + 1;
    await schedule.startDue();
    clock.nowMs += 600_000;
    await receive(drop('imports/u/x.csv', 2_400));
    expect(started).toEqual([dead.key, 'imports/u/x.csv']);
    const sent = wakes.length;
    for (let minute = 0; minute < 14; minute++) await wakeUp();
    expect(wakes.slice(sent)).toEqual(Array.from({ length: 14 }, () => 60));
    expect([started.includes(next.key), reported]).toEqual([false, []]);
    clock.nowMs += 60_000;
    await schedule.startDue();
    expect(started).toContain(next.key);
    expect(reported).toEqual([`${dead.key} v-90 lost`]);
  });

  it('of an import that runs is kept though the state table was away for longer than its length', async () => {
    const [running, next] = [drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80)];
    await receive(running, next);
    await schedule.renew(running, leaseMs);
    clock.nowMs += 3 * leaseMs;
    // The table is back: another drop comes first, and the import a few minutes later.
    await receive(drop('imports/t/c.csv', -70));
    clock.nowMs += 300_000;
    expect(await schedule.renew(running, leaseMs)).toBe(true);
    clock.nowMs += leaseMs - 1;
    await schedule.startDue();
    expect(started).toEqual([running.key]);
    await schedule.leave(running);
    expect(started).toEqual([running.key, next.key]);
  });

  it('lasts while it is renewed', async () => {
    const [long, next] = [drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80)];
    await receive(long, next);
    for (let n = 0; n < 5; n++) {
      expect(await schedule.renew(long, leaseMs)).toBe(true);
      clock.nowMs += leaseMs / 2;
      await schedule.startDue();
    }
    expect(started).toEqual([long.key]);
  });

  it('that was passed on makes its import wait for its turn again instead of running at the same time as another', async () => {
    const [stalled, next] = [drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80)];
    await receive(stalled, next);
    await schedule.renew(stalled, leaseMs);
    clock.nowMs += leaseMs + 1;
    await schedule.startDue();
    clock.nowMs += 600_000;
    await schedule.startDue();
    expect(await schedule.renew(stalled, leaseMs)).toBe(false);
    await schedule.leave(next);
    expect(await schedule.renew(stalled, leaseMs)).toBe(true);
  });

  it('is asked for by an import that was started outside the schedule, in its turn', async () => {
    const [a, b] = [drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80)];
    expect(await schedule.renew(b, leaseMs)).toBe(true);
    expect(await schedule.renew(a, leaseMs)).toBe(false);
    await schedule.leave(b);
    expect(started).toEqual([b.key, a.key]);
  });
});

describe('a wake-up message that is lost, as by a purge of the queue', () => {
  it('is replaced by an import that runs', async () => {
    const [dead, next] = [drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80)];
    const running = drop('imports/u/x.csv', -70);
    await receive(dead, next, running);
    await schedule.renew(dead, leaseMs);
    expect(wakes).toHaveLength(1);
    for (let minute = 0; minute < 90; minute++) {
      await schedule.renew(running, leaseMs);
      clock.nowMs += 60_000;
    }
    expect(started).toEqual([dead.key, running.key, next.key]);
  });

  it('is not missed where nothing waits any more', async () => {
    const [a, b, running] = [
      drop('imports/t/a.csv', -90),
      drop('imports/t/b.csv', -80),
      drop('imports/u/x.csv', -70),
    ];
    await receive(a, b, running);
    for (const one of [a, b]) {
      await schedule.renew(one, leaseMs);
      await schedule.leave(one);
    }
    await schedule.renew(running, 7_200_000);
    clock.nowMs += 3_600_000;
    let queries = 0;
    const { query } = table;
    table = {
      ...table,
      query(...args) {
        queries++;
        return query(...args);
      },
    };
    const later = open();
    await later.renew(running, 7_200_000);
    const first = queries;
    for (let minute = 0; minute < 10; minute++) await later.renew(running, 7_200_000);
    expect(queries).toBe(first);
  });
});

describe('what the schedule keeps', () => {
  it('is nothing but the memory of drops once all imports have ended', async () => {
    const drops = [drop('imports/t/a.csv', -90), drop('imports/t/b.csv', -80), drop('imports/u/c.csv', -80)];
    await receive(...drops);
    for (const one of drops) await schedule.leave(one);
    const kept = [...table.items.values()].map(({ pk }) => pk.split('#')[0]);
    expect(new Set(kept)).toEqual(new Set(['import-schedule', 'import-drop', 'import-key']));
    const names = drops.map(executionName);
    expect(
      JSON.stringify([...table.items.values()].filter(({ pk }) => pk === 'import-schedule')),
    ).not.toContain(names[0]);
  });
});

describe('many drops that wait', () => {
  const dropOf = (name: string, i = 0) => ({ ...drop(`imports/${name}/${i}.csv`, i), table: name });

  it('of many tables take few requests to pass on a turn', async () => {
    for (let i = 0; i < 300; i++) await schedule.receive(dropOf(`t${String(i).padStart(3, '0')}`));
    const [first] = [dropOf('t000')];
    await schedule.startDue();
    expect(started).toHaveLength(2);
    let queries = 0;
    const { query } = table;
    table = {
      ...table,
      query(...args) {
        queries++;
        return query(...args);
      },
    };
    await open().leave(first);
    expect(started).toHaveLength(3);
    expect(queries).toBeLessThan(30);
  });

  it('are all found, also many of one table among others', async () => {
    for (let i = 0; i < 120; i++) await schedule.receive(dropOf('many', i));
    for (const name of ['alpha', 'zeta', 'zulu']) await schedule.receive(dropOf(name, 200));
    await open(9).startDue();
    expect(started.sort()).toEqual([
      'imports/alpha/200.csv',
      'imports/many/0.csv',
      'imports/zeta/200.csv',
      'imports/zulu/200.csv',
    ]);
  });

  it('are started past one whose item cannot be read', async () => {
    const [bad, next, other] = [dropOf('t', 1), dropOf('t', 2), dropOf('u', 3)];
    for (const request of [bad, next, other]) await schedule.receive(request);
    const [item] = await table.query('import-wait-list');
    await table.put({ pk: 'import-wait-list', sk: item?.sk ?? '', request: { key: 7 } });
    await schedule.startDue();
    expect(started.sort()).toEqual([next.key, other.key]);
  });
});
