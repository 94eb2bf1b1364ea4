import { AsyncLocalStorage } from 'node:async_hooks';

/** What one request, or one job of the instance, did to the rows of one table. */
export type Effect = {
  readonly table: string;
  readonly operation: 'insert' | 'update' | 'delete';
  /** Rows touched; may exceed `sysIds.length`, which is capped. */
  count: number;
  readonly sysIds: string[];
};

/** One request as the instance saw it, answered or not. */
export type LedgerEntry = {
  /** Position since the start or the last reset, from 1. */
  readonly sequence: number;
  /** ISO time on the instance's clock. */
  readonly at: string;
  /** HTTP method, or `JOB` for work the instance did by itself. */
  readonly method: string;
  /** Path and query, cut at 500 characters; the job's name for `JOB`. */
  readonly path: string;
  /** user_name of the caller, `''` for an unauthenticated request. */
  user: string;
  /** 0 until answered, and for ever when the connection was cut. */
  status: number;
  readonly transactionId: string;
  /** One number per TCP connection, 0 for jobs. */
  readonly connectionId: number;
  durationMs: number;
  /** Names of the faults applied, in order. */
  readonly faults: string[];
  readonly effects: Effect[];
};

/** What `open` needs to know of a request. */
export type Opening = Pick<LedgerEntry, 'at' | 'method' | 'path' | 'transactionId' | 'connectionId'>;

export type TableCounters = { insert: number; update: number; delete: number };

export type LedgerFilter = {
  readonly method?: string;
  /** Keeps entries whose path contains this text. */
  readonly path?: string;
  readonly user?: string;
  readonly status?: number;
  readonly table?: string;
  readonly sysId?: string;
  readonly fault?: string;
  /** Keeps entries after this sequence number. */
  readonly since?: number;
  /** The newest so many. @default 1000 */
  readonly limit?: number;
};

const maxSysIdsPerEffect = 1_000;
const maxPathLength = 500;

/**
 * What every request did, so that tests can check a client. Bounded: the oldest entries go when there are more than
 * `maxEntries`, or more than `maxSysIds` sys_ids in all; the counters per table never lose anything.
 */
export class Ledger {
  readonly #maxEntries: number;
  readonly #maxSysIds: number;
  readonly #current = new AsyncLocalStorage<LedgerEntry>();
  #entries: LedgerEntry[] = [];
  #counters = new Map<string, TableCounters>();
  #sequence = 0;
  #sysIds = 0;

  constructor(limits: { maxEntries?: number; maxSysIds?: number } = {}) {
    this.#maxEntries = limits.maxEntries ?? 20_000;
    this.#maxSysIds = limits.maxSysIds ?? 500_000;
  }

  /** Requests and jobs since the start or the last reset, those that fell out of the ring included. */
  get total(): number {
    return this.#sequence;
  }

  open(opening: Opening): LedgerEntry {
    this.#sequence += 1;
    const entry: LedgerEntry = {
      ...opening,
      path: opening.path.slice(0, maxPathLength),
      sequence: this.#sequence,
      user: '',
      status: 0,
      durationMs: 0,
      faults: [],
      effects: [],
    };
    this.#entries.push(entry);
    this.#evict();
    return entry;
  }

  /** Notes that the instance does something by itself. */
  openJob(name: string, nowMs: number): LedgerEntry {
    const at = new Date(nowMs).toISOString();
    return this.open({ at, method: 'JOB', path: name, transactionId: '', connectionId: 0 });
  }

  /** Runs `work`; every row it writes, now or later, counts as an effect of `entry`. */
  during<T>(entry: LedgerEntry, work: () => T): T {
    return this.#current.run(entry, work);
  }

  /** The entry on whose behalf the code runs now, if any. */
  get current(): LedgerEntry | undefined {
    return this.#current.getStore();
  }

  /** Called by the store for every row written. */
  wrote(operation: Effect['operation'], table: string, sysId: string): void {
    this.#count(operation, table, 1);
    const effect = this.#effect(operation, table);
    if (!effect) return;
    effect.count += 1;
    if (effect.sysIds.length >= maxSysIdsPerEffect) return;
    effect.sysIds.push(sysId);
    this.#sysIds += 1;
  }

  /** Counts rows without naming them, as a sink does. */
  wroteMany(operation: Effect['operation'], table: string, rows: number): void {
    this.#count(operation, table, rows);
    const effect = this.#effect(operation, table);
    if (effect) effect.count += rows;
  }

  select(filter: LedgerFilter = {}): LedgerEntry[] {
    return this.#entries.filter((entry) => matches(entry, filter)).slice(-(filter.limit ?? 1_000));
  }

  counters(): Record<string, TableCounters> {
    return Object.fromEntries([...this.#counters].map(([table, counters]) => [table, { ...counters }]));
  }

  clear(): void {
    this.#entries = [];
    this.#counters = new Map();
    this.#sequence = 0;
    this.#sysIds = 0;
  }

  #count(operation: Effect['operation'], table: string, rows: number): void {
    let counters = this.#counters.get(table);
    if (!counters) {
      counters = { insert: 0, update: 0, delete: 0 };
      this.#counters.set(table, counters);
    }
    counters[operation] += rows;
  }

  #effect(operation: Effect['operation'], table: string): Effect | undefined {
    const entry = this.current;
    if (!entry) return undefined;
    let effect = entry.effects.find((known) => known.table === table && known.operation === operation);
    if (!effect) {
      effect = { table, operation, count: 0, sysIds: [] };
      entry.effects.push(effect);
    }
    return effect;
  }

  /** In slices of a tenth, so that a full ring does not shift its array at every request. */
  #evict(): void {
    if (this.#entries.length <= this.#maxEntries && this.#sysIds <= this.#maxSysIds) return;
    const gone = this.#entries.splice(0, Math.ceil(this.#entries.length / 10));
    for (const entry of gone) {
      for (const effect of entry.effects) this.#sysIds -= effect.sysIds.length;
    }
  }
}

function matches(entry: LedgerEntry, filter: LedgerFilter): boolean {
  return (
    (filter.method === undefined || entry.method === filter.method) &&
    (filter.path === undefined || entry.path.includes(filter.path)) &&
    (filter.user === undefined || entry.user === filter.user) &&
    (filter.status === undefined || entry.status === filter.status) &&
    (filter.since === undefined || entry.sequence > filter.since) &&
    (filter.fault === undefined || entry.faults.includes(filter.fault)) &&
    (filter.table === undefined || entry.effects.some((effect) => effect.table === filter.table)) &&
    (filter.sysId === undefined || entry.effects.some((effect) => effect.sysIds.includes(filter.sysId ?? '')))
  );
}
