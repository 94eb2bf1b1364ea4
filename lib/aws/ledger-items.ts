import type { Clock, Deadline } from '../core/clock.ts';
import { coalesce } from '../core/shared-work.ts';
import { StateRefusedError } from './state-calls.ts';
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
  readonly #readAtOnce: (key: StateKey) => Promise<PromiseSettledResult<StateItem | undefined>>;
  readonly #writeAtOnce: (write: StateWrite) => Promise<PromiseSettledResult<void>>;
  /** Conditional writes are calls of their own; those who asked together go on together, so that they share a batch request. */
  readonly #together = coalesce((calls: readonly (() => Promise<StateItem | undefined>)[]) =>
    Promise.allSettled(calls.map((call) => call())),
  );

  /** @param open called when an item is first needed */
  constructor(open: () => StateTable, clock: Clock, deadline: Deadline) {
    this.#open = open;
    this.#clock = clock;
    this.#deadline = deadline;
    this.#readAtOnce = coalesce((keys: readonly StateKey[]) =>
      eachByItself(keys, (some) => this.#open().readMany(some, { deadline })),
    );
    this.#writeAtOnce = coalesce((writes: readonly StateWrite[]) =>
      eachByItself(writes, async (some) => {
        await this.#open().writeMany(some, { deadline });
        return some.map(() => undefined);
      }),
    );
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
    return resultOf(await this.#together(call));
  }

  async #read(key: StateKey): Promise<StateItem | undefined> {
    return resultOf(await this.#readAtOnce(key));
  }

  async #write(write: StateWrite): Promise<void> {
    resultOf(await this.#writeAtOnce(write));
  }

  #expiry(): number {
    return Math.floor(this.#clock.now() / 1000) + keptSeconds;
  }
}

/** DynamoDB refuses a whole batch for one item that it does not take: then each goes by itself, so that only that one fails. */
async function eachByItself<Item, Result>(
  items: readonly Item[],
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
): Promise<readonly PromiseSettledResult<Result>[]> {
  try {
    return (await work(items)).map((value) => ({ status: 'fulfilled', value }));
  } catch (error) {
    if (!(error instanceof StateRefusedError) || items.length === 1) throw error;
    const results: PromiseSettledResult<Result>[] = [];
    // In their order: of two writes of one item the last one counts.
    for (const item of items) results.push(...(await eachByItself([item], work).catch(toRejected)));
    return results;
  }
}

function toRejected(reason: unknown): readonly PromiseRejectedResult[] {
  return [{ status: 'rejected', reason }];
}

function resultOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
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
