import * as z from 'zod/mini';
import type { StateItem, StateTable } from '../../aws/state-table.ts';
import type { Clock } from '../../core/clock.ts';
import { fullJitterMs } from '../../core/retry-timing.ts';
import {
  executionName,
  type ImportRequest,
  importRequestSchema,
  type Redropped,
  sortableSequencer,
} from './import-request.ts';

/** An import in the wait-list; it stays there until the import has ended. */
export type Place = {
  /** Sort key: the table, then the order of the drops. */
  readonly sk: string;
  readonly request: ImportRequest;
};

/** The wait-list of one staging table. */
export type TableList = { readonly first: Place; readonly hasMore: boolean };

/** All wait-lists share one partition; the table is the first part of the sort key. */
const pk = 'import-wait-list';

/** The place of an import, whether it is in the wait-list or not. */
function placeOf(request: ImportRequest): string {
  return `${request.table}#${dropOrder(request)}`;
}

/** Sorts in the order of the drops: by time, and by the sequencer where one key was written twice in a millisecond. */
export function dropOrder(request: ImportRequest): string {
  return `${request.droppedAt}~${sortableSequencer(request.sequencer)}~${executionName(request)}`;
}

/**
 * The imports that wait or run, one list for each staging table, in the order of their drops. Every method throws
 * StateUnavailableError and ConfigurationError as the state table does.
 */
export class WaitList {
  readonly #table: StateTable;
  readonly #onUnreadable: (sk: string, error: unknown) => void;

  /** @param onUnreadable takes an item that cannot be read; it counts as missing, and holds up no other */
  constructor(table: StateTable, onUnreadable: (sk: string, error: unknown) => void) {
    this.#table = table;
    this.#onUnreadable = onUnreadable;
  }

  /** Adds an import; one that is in the list stays where it is. */
  async add(request: ImportRequest): Promise<void> {
    await this.#table.put({ pk, sk: placeOf(request), request: toValue(request) }, { is: 'absent' });
  }

  async remove(sk: string): Promise<void> {
    await this.#table.delete({ pk, sk });
  }

  async removeRequest(request: ImportRequest): Promise<void> {
    await this.remove(placeOf(request));
  }

  async read(sk: string): Promise<Place | undefined> {
    const item = await this.#table.read({ pk, sk });
    return item && this.#toPlace(item);
  }

  /** The first import of a staging table. */
  async firstOf(table: string): Promise<Place | undefined> {
    for (const limit of [1, itemsAtOnce])
      for (const item of await this.#table.query(pk, { prefix: `${table}#`, limit })) {
        const place = this.#toPlace(item);
        if (place) return place;
      }
    return undefined;
  }

  /** True when anything is in the wait-lists but these. */
  async hasOthers(places: readonly string[]): Promise<boolean> {
    const items = await this.#table.query(pk, { limit: places.length + 1 });
    return items.some(({ sk }) => !places.includes(sk));
  }

  /** The wait-lists that are not empty: items are read many at once, the rest of a table of which enough is known is skipped. */
  async lists(): Promise<TableList[]> {
    const found = new Map<string, { readonly first: Place; hasMore: boolean }>();
    for (let from: string | undefined; ; ) {
      const range = { ...(from === undefined ? {} : { from }), limit: itemsAtOnce };
      const items = await this.#table.query(pk, range);
      for (const item of items) {
        const list = found.get(tableOf(item.sk));
        const first = list ? undefined : this.#toPlace(item);
        if (list) list.hasMore = true;
        else if (first) found.set(tableOf(item.sk), { first, hasMore: false });
      }
      const last = items.at(-1)?.sk;
      if (last === undefined || items.length < itemsAtOnce) return [...found.values()];
      // `$` follows `#`: the first key behind those of this table.
      from = found.get(tableOf(last))?.hasMore ? `${tableOf(last)}$` : `${last}\0`;
    }
  }

  #toPlace({ sk, request }: StateItem): Place | undefined {
    const parsed = importRequestSchema.safeParse(request);
    if (parsed.success) return { sk, request: parsed.data };
    this.#onUnreadable(sk, parsed.error);
    return undefined;
  }
}

/** Few enough not to read long lists for their first item. */
const itemsAtOnce = 50;

function tableOf(sk: string): string {
  return sk.slice(0, sk.indexOf('#'));
}

/** Without the fields that are undefined, which the table does not take. */
function toValue({ versionId, settings, droppedBy, redropped, ...request }: ImportRequest) {
  return {
    ...request,
    ...(droppedBy === undefined ? {} : { droppedBy }),
    ...(redropped === undefined ? {} : { redropped: withoutUndefined(redropped) }),
    ...(versionId === undefined ? {} : { versionId }),
    ...(settings === undefined
      ? {}
      : {
          settings: {
            key: settings.key,
            ...(settings.versionId === undefined ? {} : { versionId: settings.versionId }),
          },
        }),
  };
}

function withoutUndefined({ times, first: { versionId, ...first } }: Redropped) {
  return { times, first: { ...first, ...(versionId === undefined ? {} : { versionId }) } };
}

const leaseSchema = z.object({
  /** The import's execution name. */
  import: z.string(),
  table: z.string(),
  /** Its sort key in the wait-list. */
  place: z.string(),
  grantedAtMs: z.number(),
  untilMs: z.number(),
  /** The import itself has renewed it: its execution runs. */
  isConfirmed: z.boolean(),
  /** When it was first seen to have run out; 0: it was not. */
  ranOutAtMs: z._default(z.number(), 0),
});

/** One import's right to run: it holds its staging table and one of the places that the deployment has for imports. */
export type ImportLease = z.infer<typeof leaseSchema>;

const runningSchema = z.object({
  revision: z.number(),
  leases: z.array(leaseSchema),
  /** When a wake-up message is due; 0 when none was sent. */
  wakeAtMs: z.number(),
});

/** Which imports run. */
export type Running = z.infer<typeof runningSchema>;

const key = { pk: 'import-schedule', sk: 'running' };
const nothing: Running = { revision: 0, leases: [], wakeAtMs: 0 };

/** Two that change it at once: one of them reads it again. */
const maxRaces = 50;
const backOff = { baseMs: 10, capMs: 500 };

/**
 * All leases, in one item that is only ever replaced as it was read: an import cannot hold its table without its place among
 * the running ones, and two imports cannot both hold a table.
 */
export class Leases {
  readonly #table: StateTable;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(table: StateTable, clock: Clock, random: () => number = Math.random) {
    this.#table = table;
    this.#clock = clock;
    this.#random = random;
  }

  async read(): Promise<Running> {
    const item = await this.#table.read(key);
    return item ? runningSchema.parse(item) : nothing;
  }

  /** Stores a change of what was read. @returns false when it was changed by another process meanwhile */
  async replace(before: Running, change: Partial<Omit<Running, 'revision'>>): Promise<boolean> {
    const isSame = { attribute: 'revision', operator: '=', value: before.revision } as const;
    const condition = before.revision === 0 ? ({ is: 'absent' } as const) : isSame;
    const { leases, wakeAtMs } = { ...before, ...change };
    return this.#table.put({ ...key, revision: before.revision + 1, leases, wakeAtMs }, condition);
  }

  /**
   * Changes the leases, again when another process changed them at the same time.
   * @param change gives the new leases, or undefined to leave them as they are
   * @returns what was stored, or read where nothing changed
   */
  async change(change: (running: Running) => readonly ImportLease[] | undefined): Promise<Running> {
    for (let race = 1; race <= maxRaces; race++) {
      const before = await this.read();
      const changed = change(before);
      if (!changed) return before;
      const leases = [...changed];
      if (await this.replace(before, { leases })) return { ...before, leases };
      await this.#clock.sleep(fullJitterMs(race, backOff, this.#random));
    }
    throw new Error(`lost ${maxRaces} races for the leases of imports`);
  }
}
