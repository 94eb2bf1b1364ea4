import type { Clock, Deadline } from '../core/clock.ts';
import { coalesce } from '../core/shared-work.ts';
import type { Condition, StateValue } from './state-expressions.ts';
import type { StateItem, StateKey, StateTable, StateWrite } from './state-table.ts';

/** SQS keeps a message for 14 days, and then its dead letter for as long again. */
const keptSeconds = 30 * 86_400;

type Attributes = Readonly<Record<string, StateValue>>;

/**
 * The items of the state table that a ledger reads and writes. Reads and writes of one event-loop tick travel together.
 * Every method throws what the state table throws.
 */
export class LedgerItems {
  readonly #open: () => StateTable;
  readonly #clock: Clock;
  readonly #deadline: Deadline;
  /** Read ahead for the whole batch; an entry is dropped once the item is written. */
  readonly #ahead = new Map<string, Promise<StateItem | undefined>>();
  readonly #read: (key: StateKey) => Promise<StateItem | undefined>;
  readonly #write: (write: StateWrite) => Promise<void>;
  /** Conditional writes are calls of their own; those who asked together go on together, so that they share a batch request. */
  readonly #together = coalesce((calls: readonly (() => Promise<StateItem | undefined>)[]) =>
    Promise.allSettled(calls.map((call) => call())),
  );

  /** @param open called when an item is first needed */
  constructor(open: () => StateTable, clock: Clock, deadline: Deadline) {
    this.#open = open;
    this.#clock = clock;
    this.#deadline = deadline;
    this.#read = coalesce(async (keys) => this.#open().readMany(keys, { deadline }));
    this.#write = coalesce(async (writes) => {
      await this.#open().writeMany(writes, { deadline });
      return writes.map(() => undefined);
    });
  }

  /** Reads what is about to be asked for, all together. An error reaches those who ask. */
  readAhead(keys: readonly StateKey[]): void {
    for (const key of keys) {
      if (this.#ahead.has(key.pk)) continue;
      const item = this.#read(key);
      item.catch(() => undefined);
      this.#ahead.set(key.pk, item);
    }
  }

  /** The item as it was read ahead, or as it is now. */
  async get(key: StateKey): Promise<StateItem | undefined> {
    return this.#ahead.get(key.pk) ?? this.#read(key);
  }

  /** The item as it is now, whatever was read ahead. */
  async getNow(key: StateKey): Promise<StateItem | undefined> {
    this.#ahead.delete(key.pk);
    return this.#read(key);
  }

  async list(pk: string): Promise<readonly StateItem[]> {
    return this.#open().query(pk, {}, { deadline: this.#deadline });
  }

  async put(key: StateKey, attributes: Attributes): Promise<void> {
    this.#ahead.delete(key.pk);
    await this.#write({ put: { ...attributes, ...key, expiresAt: this.#expiry() } });
  }

  /** Remembers something for ever. */
  async putForEver(key: StateKey, attributes: Attributes): Promise<void> {
    this.#ahead.delete(key.pk);
    await this.#write({ put: { ...attributes, ...key } });
  }

  /** @returns false when the condition does not hold */
  async putIf(key: StateKey, attributes: Attributes, condition: Condition): Promise<boolean> {
    this.#ahead.delete(key.pk);
    const item = { ...attributes, ...key, expiresAt: this.#expiry() };
    const done = await this.#decide(async () =>
      (await this.#open().put(item, condition, { deadline: this.#deadline })) ? item : undefined,
    );
    return done !== undefined;
  }

  /**
   * Changes attributes and leaves the others.
   * @returns the item as it is then; undefined when the condition does not hold
   */
  async change(key: StateKey, change: Attributes, condition?: Condition): Promise<StateItem | undefined> {
    this.#ahead.delete(key.pk);
    const set = { ...change, expiresAt: this.#expiry() };
    return this.#decide(() => this.#open().update(key, { set }, condition, { deadline: this.#deadline }));
  }

  async delete(key: StateKey): Promise<void> {
    this.#ahead.delete(key.pk);
    await this.#write({ delete: key });
  }

  async #decide(call: () => Promise<StateItem | undefined>): Promise<StateItem | undefined> {
    const result = await this.#together(call);
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }

  #expiry(): number {
    return Math.floor(this.#clock.now() / 1000) + keptSeconds;
  }
}

/** A number of an item; 0 where it has none. */
export function numberIn(item: StateItem | undefined, name: string): number {
  const value = item?.[name];
  return typeof value === 'number' ? value : 0;
}

/** A text of an item; empty where it has none. */
export function textIn(item: StateItem | undefined, name: string): string {
  const value = item?.[name];
  return typeof value === 'string' ? value : '';
}
