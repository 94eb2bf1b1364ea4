import type { ListedObject } from '../../aws/s3.ts';
import type { StateTable } from '../../aws/state-table.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { type Arrival, EventDedup } from './event-dedup.ts';
import { executionName, type ImportRequest } from './import-request.ts';
import {
  dropOrder,
  type ImportLease,
  Leases,
  type Place,
  type Running,
  type TableList,
  WaitList,
} from './wait-list.ts';

/**
 * Which imports run: at most `maxConcurrent`, and one for each staging table, in the order of the drops.
 *
 * A drop waits as an item of the state table; its durable execution is started when its turn has come, so that a waiting import
 * costs nothing and uses up none of an execution's operations or time. A process that changes something (a drop that arrives, an
 * import that ends, a wake-up message) calls `startDue`, which grants leases and starts the executions. Starting is
 * idempotent by the execution's name, so it is safe to repeat after a death of the process at any point.
 *
 * While anything waits, one delayed message is on its way to startImport: it passes on the turn of an import whose lease has run out.
 */
export type Schedule = {
  /** Puts a dropped file into the wait-list of its table. Follow it by `startDue`. */
  receive(request: ImportRequest): Promise<Arrival>;
  /** Notes a drop that is not imported, so that an older version of its key whose event comes later is superseded. */
  noteNewest(request: ImportRequest): Promise<void>;
  /** Has the schedule looked at again later, in the place of a wake-up message that came to nothing. */
  wakeAgain(): Promise<void>;
  /**
   * Starts every import whose turn has come; one that cannot be started is tried again later.
   * @param isWoken the wake-up message that was on its way has come, also where the clock of this host is behind
   * @returns the execution names of those started
   */
  startDue(isWoken?: boolean): Promise<string[]>;
  /** Extends the lease of an import that runs. @returns false when it does not hold its turn (any more): it has to wait for it */
  renew(request: ImportRequest, forMs: number): Promise<boolean>;
  /** Ends an import's turn and starts those that are due then. */
  leave(request: ImportRequest): Promise<void>;
};

export type ScheduleDeps = {
  readonly table: StateTable;
  readonly clock: Clock;
  readonly log: Log;
  /** Imports that run at once. */
  readonly maxConcurrent: number;
  /** Starts the durable execution of an import, once however often it is called. */
  readonly start: (request: ImportRequest) => Promise<void>;
  /** Sends startImport a wake-up message that arrives after so many seconds (0 to 900). */
  readonly wake: (delaySeconds: number) => Promise<void>;
  /** Leaves an answer for the uploader of an import whose execution was stopped or timed out. */
  readonly noteLost: (request: ImportRequest) => Promise<void>;
  /** Leaves an answer for the uploader of a drop that a newer version has overtaken on its way into the wait-list. */
  readonly noteSuperseded: (request: ImportRequest, by: string) => Promise<void>;
  /** Reports a drop whose answer could not be written for so long that the turn passes on. */
  readonly reportUnanswered: (request: ImportRequest, what: 'lost' | 'superseded') => void;
  /** Import files of the same folder that were dropped in the last `underWayMs` and before this one. */
  readonly earlierDrops: (request: ImportRequest, sinceMs: number) => Promise<readonly ListedObject[]>;
};

/** The body of the SQS message by which the schedule has itself looked at again later. */
export const wakeUpMessage = JSON.stringify({ servicenowFunctions: 'start-due-imports' });

/**
 * How long the event of a drop may be under way. S3 delivers within seconds, at times a minute or more (S3 User Guide), and names no
 * bound; SQS hands out again what startImport could not receive, e.g. while the state table was away.
 */
const underWayMs = 900_000;
/** An execution that was started begins within so long; Lambda retries a throttled start for up to six hours. */
export const startLeaseMs = 6 * 3_600_000;
/** A start that was not confirmed for so long is repeated. */
const confirmMs = 10_000;
/**
 * An import whose lease was seen to have run out may renew it for so long: the state table may have been away, and the import tries
 * again every few minutes.
 */
const graceMs = 600_000;
/**
 * A results folder that may not be written holds up the next drop of its table for so long: results of an import that has loaded its
 * file, and the answer to a drop that is not imported, or that was lost.
 */
export const longestDeniedMs = 900_000;
/** An import that could not be started is tried again after so long. */
const restartMs = 60_000;
/** SQS delays a message by 15 minutes at most. */
const longestDelayMs = 900_000;
/** A wake-up message that is overdue for so long is taken for lost, as by a purge of the queue. */
const overdueMs = 300_000;
/** A wake-up message that came to nothing, as while the state table is away, is repeated after so long. */
const rewakeSeconds = 300;
const maxRounds = 1_000;

/** What one call of `startDue` came to so far. */
type Attempted = {
  /** Execution names. */
  readonly started: string[];
  /** Staging tables whose first import could not be started. */
  readonly failed: Set<string>;
};

/** The schedule of the imports of a deployment. */
export function createSchedule(deps: ScheduleDeps): Schedule {
  const { table, clock, log, maxConcurrent, start, wake, earlierDrops } = deps;
  const waiting = new WaitList(table, (sk, error) =>
    log.error('drop-not-readable', { place: sk, reason: String(error) }),
  );
  const dedup = new EventDedup(table, clock);
  const leases = new Leases(table, clock);

  const schedule: Schedule = {
    receive: (request) => dedup.receive(request, waiting),
    noteNewest: (request) => dedup.noteNewest(request),
    wakeAgain: () => wake(rewakeSeconds),

    async startDue(isWoken = false) {
      let isOnItsWay = !isWoken;
      const attempted: Attempted = { started: [], failed: new Set() };
      for (let round = 0; round < maxRounds; round++) {
        const running = await withoutLost(await leases.read());
        await repeatStarts(running);
        const next = await nextDue(running, attempted);
        if (!('wakeAtMs' in next)) await grant(running, next, attempted);
        else if (await wakeAt(isOnItsWay ? running : { ...running, wakeAtMs: 0 }, next.wakeAtMs))
          return attempted.started;
        else isOnItsWay = true;
      }
      throw new Error(`the schedule of imports changed ${maxRounds} times while it was read`);
    },

    async renew(request, forMs) {
      const name = executionName(request);
      const isMine = (lease: ImportLease) => lease.import === name;
      const running = await leases.change(({ leases: all }) => {
        if (!all.some(isMine)) return undefined;
        const untilMs = clock.now() + forMs;
        const renewed = { untilMs, isConfirmed: true, ranOutAtMs: 0 };
        return all.map((lease) => (isMine(lease) ? { ...lease, ...renewed } : lease));
      });
      if (running.leases.some(isMine)) {
        await replaceLostWakeUp(running);
        return true;
      }
      await waiting.add(request);
      return (await this.startDue()).includes(name);
    },

    async leave(request) {
      // In this order: a copy of the drop's event must not bring the place back.
      await dedup.finish(request);
      await waiting.removeRequest(request);
      await leases.change(({ leases: all }) => {
        const others = all.filter((lease) => lease.import !== executionName(request));
        return others.length < all.length ? others : undefined;
      });
      await this.startDue();
    },
  };
  return schedule;

  /** An import that runs looks after those that wait: no message may be left that would. */
  async function replaceLostWakeUp({ wakeAtMs }: Running): Promise<void> {
    if (wakeAtMs === 0 || clock.now() - wakeAtMs < overdueMs) return;
    log.warn('wake-up-lost', { dueAt: new Date(wakeAtMs).toISOString() });
    await schedule.startDue().catch((error: unknown) => {
      log.error('imports-not-started', { reason: String(error) });
    });
  }

  /** Takes back the leases that ran out and were not renewed within `graceMs`: their executions have died. */
  async function withoutLost(before: Running): Promise<Running> {
    const hasRunOut = ({ untilMs }: ImportLease) => untilMs < clock.now();
    const isNew = (lease: ImportLease) => hasRunOut(lease) && lease.ranOutAtMs === 0;
    const marked = (lease: ImportLease) => (isNew(lease) ? { ...lease, ranOutAtMs: clock.now() } : lease);
    const running = before.leases.some(isNew)
      ? await leases.change(({ leases: all }) => all.map(marked))
      : before;
    const isLost = (lease: ImportLease) => hasRunOut(lease) && lease.ranOutAtMs + graceMs <= clock.now();
    const lost = running.leases.filter(isLost);
    if (lost.length === 0) return running;
    const names = new Set<string>();
    for (const lease of lost) {
      const place = await waiting.read(lease.place);
      const caller = place?.request.droppedBy;
      log.error('import-lost', { caller, import: lease.import, table: lease.table });
      const { request } = place ?? {};
      const isWritten =
        request === undefined ||
        (await isAnswered(request, 'lost', lease.ranOutAtMs + graceMs, () => deps.noteLost(request)));
      if (!isWritten) continue;
      await waiting.remove(lease.place);
      names.add(lease.import);
    }
    if (names.size === 0) return running;
    return leases.change(({ leases: all }) =>
      all.filter((lease) => !names.has(lease.import) || !isLost(lease)),
    );
  }

  /**
   * @param sinceMs when the answer was first due
   * @returns false while it is to be tried again; other tables need not wait for it
   */
  async function isAnswered(
    request: ImportRequest,
    what: 'lost' | 'superseded',
    sinceMs: number,
    write: () => Promise<void> | undefined,
  ): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      const isOver = sinceMs + longestDeniedMs <= clock.now();
      const { droppedBy: caller, key } = request;
      const event = isOver ? 'import-never-answered' : 'import-not-answered';
      log.error(event, { caller, import: executionName(request), key, what, reason: String(error) });
      if (isOver) deps.reportUnanswered(request, what);
      return isOver;
    }
  }

  /** Starts again what was granted by a process that died before it could start it. */
  async function repeatStarts(running: Running): Promise<void> {
    for (const lease of running.leases) {
      if (lease.isConfirmed || clock.now() - lease.grantedAtMs < confirmMs) continue;
      const place = await waiting.read(lease.place);
      if (place && !(await dedup.isFinished(place.request))) await tryToStart(place.request);
      else await drop(lease);
    }
  }

  async function tryToStart(request: ImportRequest): Promise<boolean> {
    try {
      await start(request);
      return true;
    } catch (error) {
      const { droppedBy: caller } = request;
      log.error('import-not-started', { caller, import: executionName(request), reason: String(error) });
      return false;
    }
  }

  async function drop(lease: ImportLease): Promise<void> {
    await waiting.remove(lease.place);
    await leases.change(({ leases: all }) => all.filter((one) => one.import !== lease.import));
  }

  /**
   * The earliest drop whose table is free, or when to look again.
   * @param attempted the imports that this process started just now need not be watched; those that it could not start hold up
   * their own tables only
   */
  async function nextDue(
    { leases: held }: Running,
    { started, failed }: Attempted,
  ): Promise<Place | { readonly wakeAtMs: number }> {
    const isFull = held.length >= maxConcurrent;
    const lists = isFull ? [] : await waiting.lists();
    const lookAgain = held.flatMap((lease) => {
      if (lease.isConfirmed || started.includes(lease.import)) return [];
      // Ever more rarely: a throttled start takes hours.
      const ageMs = clock.now() - lease.grantedAtMs;
      return lease.grantedAtMs + (ageMs < confirmMs ? confirmMs : 2 * ageMs);
    });
    if (failed.size > 0) lookAgain.push(clock.now() + restartMs);
    const leaseOf = new Map(held.map((lease) => [lease.table, lease]));
    const isWaiting = ({ first, hasMore }: TableList) =>
      hasMore || leaseOf.get(first.request.table)?.place !== first.sk;
    if (isFull ? await waiting.hasOthers(held.map(({ place }) => place)) : lists.some(isWaiting))
      lookAgain.push(...held.flatMap(({ untilMs, ranOutAtMs }) => (ranOutAtMs === 0 ? untilMs + 1 : [])));
    // What is lost gets its answer though nothing waits behind it.
    for (const { ranOutAtMs } of held)
      if (ranOutAtMs !== 0) lookAgain.push(Math.max(ranOutAtMs + graceMs, clock.now() + restartMs));
    if (isFull) return { wakeAtMs: earliest(lookAgain) };
    const free = lists.map(({ first }) => first).filter(({ request }) => !leaseOf.has(request.table));
    for (const place of free.sort(byDrop)) {
      if (failed.has(place.request.table)) continue;
      const checked = await withoutEarlier(place);
      if (typeof checked !== 'number') return checked;
      lookAgain.push(checked);
    }
    return { wakeAtMs: earliest(lookAgain) };
  }

  /**
   * Events arrive in any order, so the bucket itself is asked which drops there were before this one: each of them must be in
   * the wait-list first. A drop counts for `underWayMs`, so that one whose event never comes (an object from before the deployment,
   * say) does not block its table for longer.
   * @returns the first import of the table, or when to look again
   */
  async function withoutEarlier(place: Place): Promise<Place | number> {
    const { request } = place;
    const droppedMs = Date.parse(request.droppedAt);
    if (droppedMs + underWayMs < clock.now()) return place;
    const earlier = await earlierDrops(request, clock.now() - underWayMs);
    const unseen = await dedup.unseen(request, earlier);
    if (unseen.length > 0) {
      const heldUntilMs = Math.max(...unseen.map(({ modifiedMs }) => modifiedMs)) + underWayMs;
      // One that began to be uploaded long ago may have ended a moment before this drop.
      return (heldUntilMs > clock.now() ? heldUntilMs : droppedMs + underWayMs) + 1_000;
    }
    // One whose event was under way until now is in the wait-list by now.
    return (await waiting.firstOf(request.table)) ?? place;
  }

  async function grant(running: Running, { sk, request }: Place, attempted: Attempted): Promise<void> {
    if (!(await dedup.begin(request))) {
      const newer = await dedup.supersededBy(request);
      const answer = () => newer && deps.noteSuperseded(request, newer.by);
      if (newer && !(await isAnswered(request, 'superseded', newer.sinceMs, answer)))
        attempted.failed.add(request.table);
      else await waiting.remove(sk);
      return;
    }
    const now = clock.now();
    const name = executionName(request);
    const lease = {
      import: name,
      table: request.table,
      place: sk,
      grantedAtMs: now,
      untilMs: now + startLeaseMs,
      isConfirmed: false,
      ranOutAtMs: 0,
    };
    if (!(await leases.replace(running, { leases: [...running.leases, lease] }))) return;
    if (!(await tryToStart(request))) {
      attempted.failed.add(request.table);
      // Until it is tried again, others may run.
      await leases.change(({ leases: all }) => all.filter((one) => one.import !== name));
      return;
    }
    attempted.started.push(name);
    const { droppedBy: caller, key, table } = request;
    log.info('import-started', { caller, import: name, key, table });
  }

  /** Sends a wake-up message unless one is on its way that arrives early enough. @returns false when the leases changed meanwhile */
  async function wakeAt(running: Running, atMs: number): Promise<boolean> {
    const now = clock.now();
    const dueMs = Math.min(atMs, now + longestDelayMs);
    if (atMs === Number.POSITIVE_INFINITY) {
      // What is not waited for any more cannot be overdue.
      if (running.wakeAtMs !== 0 && running.wakeAtMs <= now) await leases.replace(running, { wakeAtMs: 0 });
      return true;
    }
    if (running.wakeAtMs > now && running.wakeAtMs <= dueMs + 1_000) return true;
    const delaySeconds = Math.max(1, Math.ceil((dueMs - now) / 1000));
    // First the message: one too many does no harm, a missing one does.
    await wake(delaySeconds);
    return leases.replace(running, { wakeAtMs: now + delaySeconds * 1000 });
  }
}

function earliest(times: readonly number[]): number {
  return Math.min(Number.POSITIVE_INFINITY, ...times);
}

function byDrop(a: Place, b: Place): number {
  return dropOrder(a.request) < dropOrder(b.request) ? -1 : 1;
}
