import type { Clock, Deadline } from '../core/clock.ts';
import { digestOf } from './digest.ts';
import { LedgerItems, numberIn, textIn } from './ledger-items.ts';
import { NoteMarks } from './note-marks.ts';
import { RecordMarks } from './record-marks.ts';
import { isStill } from './state-expressions.ts';
import type { StateItem, StateKey, StateTable } from './state-table.ts';

/** What one piece of work, known by its key, has done to the instance. */
export type Effect = {
  /** `possibly-sent`: its write was about to be sent; it may have taken effect, and may still be running until `untilMs`. */
  readonly state: 'possibly-sent' | 'applied';
  /** Of the work, to recognise a key that is used again for other work. */
  readonly digest: string;
  readonly write: 'create' | 'update' | 'delete' | 'import';
  /** True for a write that an upsert has decided on. */
  readonly isUpsert: boolean;
  /** The record that was decided on; empty where the instance chooses the sys_id. Of an import what it is answered with. */
  readonly sysId: string;
  /** When it was first about to be sent, in milliseconds since the Unix epoch. */
  readonly sentAtMs: number;
  /** From then on the instance can no longer be working on it, in milliseconds since the Unix epoch. */
  readonly untilMs: number;
};

/** Work that a ledger will be asked about. */
export type LedgerWork = {
  readonly table: string;
  readonly key: string;
  /** A create that the primary key of the instance protects: the release before remembered nothing of it. */
  readonly isCreateBySysId: boolean;
};

/** Which keys and records a ledger is about. */
export type LedgerScope = {
  readonly deployment: string;
  readonly instance: string;
  /** The sys_id that a record is created under by this key: what the key did is kept with the mark of that record. */
  readonly sysIdOf: (table: string, key: string) => string;
};

/**
 * Remembers what messages did to one instance, where the instance itself cannot be asked: see the docs, record-queue.md.
 * One ledger serves one batch of messages. Every method throws what the state table throws.
 */
export class EffectLedger {
  readonly records: RecordMarks;
  readonly notes: NoteMarks;
  readonly #items: LedgerItems;
  readonly #scope: string;
  readonly #sysIdOf: LedgerScope['sysIdOf'];
  readonly #clock: Clock;
  /** Keys whose effects are only known in the form of the release before. */
  readonly #old = new Set<string>();
  /** Items of effects that were seen to hold the mark of a record as well. */
  readonly #marked = new Set<string>();

  /** @param open called when the ledger is first needed */
  constructor(open: () => StateTable, scope: LedgerScope, clock: Clock, deadline: Deadline) {
    this.#scope = `${scope.deployment}/${scope.instance}`;
    this.#sysIdOf = scope.sysIdOf;
    this.#clock = clock;
    this.#items = new LedgerItems(open, clock, deadline);
    this.records = new RecordMarks(this.#items, scope, clock);
    this.notes = new NoteMarks(this.#items, scope);
  }

  /** Reads what is about to be asked for, all together. An error reaches those who ask. */
  readAhead(work: readonly LedgerWork[], sysIds: readonly string[]): void {
    this.#items.readAhead([
      ...work.map(({ table, key }) => this.#effectKey(table, key)),
      ...work
        .filter(({ isCreateBySysId }) => !isCreateBySysId)
        .map(({ table, key }) => this.#oldEffectKey(table, key)),
      ...sysIds.map((id) => this.records.keyOf(id)),
    ]);
  }

  async effectOf(table: string, key: string): Promise<Effect | undefined> {
    const [item, old] = await Promise.all([
      this.#items.get(this.#effectKey(table, key)),
      this.#items.get(this.#oldEffectKey(table, key)),
    ]);
    return this.#known(this.#effectKey(table, key), item, old);
  }

  /** As `effectOf`, without what the release before remembered: for a create by sys_id, of which that is nothing. */
  async effectOfCreate(table: string, key: string): Promise<Effect | undefined> {
    return toEffect(await this.#items.get(this.#effectKey(table, key)));
  }

  /** As `effectOf`, but not as it was when the batch began. */
  async effectNow(table: string, key: string): Promise<Effect | undefined> {
    const [item, old] = await Promise.all([
      this.#items.getNow(this.#effectKey(table, key)),
      this.#items.get(this.#oldEffectKey(table, key)),
    ]);
    return this.#known(this.#effectKey(table, key), item, old);
  }

  /** Remembers an effect, whatever was known before. */
  async remember(table: string, key: string, effect: Effect): Promise<void> {
    const item = this.#effectKey(table, key);
    this.#old.delete(item.pk);
    // A put travels with others, but would make us forget what we know of the record.
    if (this.#isMarked(item, table, key, effect)) await this.#items.change(item, effect);
    else await this.#items.put(item, effect);
  }

  /**
   * Remembers that work is about to be sent, unless another copy of it was faster.
   * @param before what was known when the decision was made
   * @returns false when that is no longer so
   */
  async claim(table: string, key: string, effect: Effect, before: Effect | undefined): Promise<boolean> {
    const item = this.#effectKey(table, key);
    const condition =
      before && !this.#old.has(item.pk)
        ? isStill(before)
        : ({
            anyOf: [
              { is: 'absent' },
              { attribute: 'state', exists: false },
              { attribute: 'state', operator: '=', value: forgotten },
            ],
          } as const);
    const claimed = await this.#items.change(item, effect, condition);
    if (claimed === undefined) return false;
    this.#old.delete(item.pk);
    if (Object.keys(claimed).some((name) => !Object.hasOwn(effect, name) && !ownNames.has(name)))
      this.#marked.add(item.pk);
    return true;
  }

  /**
   * Forgets work that certainly did not take effect, unless another copy of it was announced since: a call whose answer is lost is
   * sent again, and may come after that.
   * @param effect what was announced
   * @param before what is known of an earlier attempt, which stays
   */
  async forget(table: string, key: string, effect: Effect, before?: Effect): Promise<void> {
    const change = before ?? { state: forgotten };
    await this.#items.change(this.#effectKey(table, key), change, isStill(effect));
  }

  /**
   * Holds a name for a time, e.g. a match that only one message may create a record for.
   * @returns false while another holder has it
   */
  async hold(name: string, holder: string, untilMs: number): Promise<boolean> {
    const free = {
      anyOf: [
        { is: 'absent' },
        { attribute: 'holder', operator: '=', value: holder },
        { attribute: 'untilMs', operator: '<', value: this.#clock.now() },
      ],
    } as const;
    const key = { pk: `hold#${this.#scope}#${digestOf(name)}`, sk: '-' };
    return this.#items.putIf(key, { holder, untilMs }, free);
  }

  /** True for 30 days after a table was seen to ignore the sys_id that a create asks for. */
  async ignoresSysId(table: string): Promise<boolean> {
    const item = await this.#items.get(this.#tableKey(table));
    return item?.['ignoresSysId'] === true;
  }

  async rememberThatTableIgnoresSysId(table: string): Promise<void> {
    await this.#items.put(this.#tableKey(table), { ignoresSysId: true });
  }

  /** What identifies a key in marks. */
  nameOf(table: string, key: string): string {
    return digestOf(JSON.stringify([table.toLowerCase(), key]));
  }

  /** What was remembered in the form of this release counts, else what the one before remembered. */
  #known({ pk }: StateKey, item: StateItem | undefined, old: StateItem | undefined): Effect | undefined {
    const effect = item?.['state'] === undefined ? toEffect(old) : undefined;
    if (effect) this.#old.add(pk);
    else this.#old.delete(pk);
    return effect ?? toEffect(item);
  }

  /** True when the item may hold the mark of a record too: of the one that the key has created, or would create. */
  #isMarked({ pk }: StateKey, table: string, key: string, { sysId }: Effect): boolean {
    return this.#marked.has(pk) || sysId.toLowerCase() === this.#sysIdOf(table, key);
  }

  /** A create needs to read one item only: what its key did, and what is known of its record. */
  #effectKey(table: string, key: string): StateKey {
    return this.records.keyOf(this.#sysIdOf(table, key));
  }

  /** Where the release before kept what a key did; such items expire 30 days after they were written. */
  #oldEffectKey(table: string, key: string): StateKey {
    return { pk: `effect#${this.#scope}#${this.nameOf(table, key)}`, sk: '-' };
  }

  #tableKey(table: string): StateKey {
    return { pk: `table#${this.#scope}#${table.toLowerCase()}`, sk: '-' };
  }
}

const forgotten = 'forgotten';

/** Names of an item that are of no effect and no mark. */
const ownNames: ReadonlySet<string> = new Set(['pk', 'sk', 'expiresAt']);

/** An item may hold the mark of a record only. */
function toEffect(item: StateItem | undefined): Effect | undefined {
  const state = item?.['state'];
  if (state !== 'applied' && state !== 'possibly-sent') return undefined;
  const write = item?.['write'];
  return {
    state,
    digest: textIn(item, 'digest'),
    write: write === 'create' || write === 'delete' || write === 'import' ? write : 'update',
    isUpsert: item?.['isUpsert'] === true,
    sysId: textIn(item, 'sysId'),
    sentAtMs: numberIn(item, 'sentAtMs'),
    untilMs: numberIn(item, 'untilMs'),
  };
}
