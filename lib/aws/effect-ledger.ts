import { createHash } from 'node:crypto';
import type { Clock, Deadline } from '../core/clock.ts';
import { coalesce } from '../core/shared-work.ts';
import type { StateItem, StateKey, StateTable, StateWrite } from './state-table.ts';

/** What one piece of work, known by its key, has done to the instance. */
export type Effect = {
  /** `possibly-sent`: its write was about to be sent; it may have taken effect, and may still be running until `untilMs`. */
  readonly state: 'possibly-sent' | 'applied';
  /** Of the work, to recognise a key that is used again for other work. */
  readonly digest: string;
  readonly write: 'create' | 'update' | 'delete';
  /** The record that was decided on; empty where the instance chooses the sys_id. */
  readonly sysId: string;
  /** When it was first about to be sent, in milliseconds since the Unix epoch. */
  readonly sentAtMs: number;
  /** From then on the instance can no longer be working on it, in milliseconds since the Unix epoch. */
  readonly untilMs: number;
};

/** What is known of a record apart from the work on it. */
export type RecordMark = {
  /** One of our deletes has seen the record and was about to delete it. */
  readonly isDeleted: boolean;
  /** Until then the instance may be working on a write whose answer was lost, in milliseconds since the Unix epoch; 0: it is not. */
  readonly inDoubtUntilMs: number;
  /** The name of the key whose answer was lost; it is the first to go on. */
  readonly inDoubtKey: string;
  /** Of the first sys_id of a match: the last number that a record was created under. */
  readonly lastNumber: number;
  /** The name of the key that alone may create a record under this sys_id; empty: any. */
  readonly maker: string;
  /** From then on another key may, if there is no record yet, in milliseconds since the Unix epoch. */
  readonly makerUntilMs: number;
  /** Of the first sys_id of a match: a record that was created for it and that it did not find; empty: none. */
  readonly unmatched: string;
  /** When an insert under this sys_id was first refused though no record is shown, in milliseconds since the Unix epoch; 0: never. */
  readonly refusedSinceMs: number;
  /** The key of the signals about the record, where its correlation_id has no room for it; empty: it has. */
  readonly signalKey: string;
};

/** A note that was, or may have been, written to the journal of a record. */
export type NoteMark = {
  readonly key: string;
  readonly state: Effect['state'];
  readonly sentAtMs: number;
  readonly untilMs: number;
  /** When its answer came. */
  readonly appliedAtMs?: number | undefined;
  /** The journal entry that is its own, where that is known. */
  readonly entryId?: string | undefined;
};

/** A note of a record: its text is known by a digest only. */
export type NoteKey = { readonly sysId: string; readonly column: string; readonly textDigest: string };

/** SQS keeps a message for 14 days, and then its dead letter for as long again. */
const keptSeconds = 30 * 86_400;

/**
 * Remembers what messages did to one instance, where the instance itself cannot be asked: see the docs, record-queue.md.
 * One ledger serves one batch of messages. Reads and writes of one event-loop tick travel together.
 * Every method throws what the state table throws.
 */
export class EffectLedger {
  readonly #open: () => StateTable;
  readonly #scope: string;
  readonly #clock: Clock;
  readonly #deadline: Deadline;
  /** Read ahead for the whole batch; an entry is dropped once the item is written. */
  readonly #ahead = new Map<string, Promise<StateItem | undefined>>();
  readonly #read: (key: StateKey) => Promise<StateItem | undefined>;
  readonly #write: (write: StateWrite) => Promise<void>;
  /** Conditional writes are calls of their own; those who asked together go on together, so that they share a batch request. */
  readonly #together = coalesce((calls: readonly (() => Promise<boolean>)[]) =>
    Promise.allSettled(calls.map((call) => call())),
  );

  /**
   * @param open called when the ledger is first needed
   * @param scope deployment and instance
   */
  constructor(
    open: () => StateTable,
    scope: { readonly deployment: string; readonly instance: string },
    clock: Clock,
    deadline: Deadline,
  ) {
    this.#open = open;
    this.#scope = `${scope.deployment}/${scope.instance}`;
    this.#clock = clock;
    this.#deadline = deadline;
    this.#read = coalesce(async (keys) => this.#table.readMany(keys, { deadline }));
    this.#write = coalesce(async (writes) => {
      await this.#table.writeMany(writes, { deadline });
      return writes.map(() => undefined);
    });
  }

  /** Reads what is about to be asked for, all together. An error reaches those who ask. */
  readAhead(
    work: readonly { readonly table: string; readonly key: string }[],
    sysIds: readonly string[],
  ): void {
    const keys = [
      ...work.map(({ table, key }) => this.#effectKey(table, key)),
      ...sysIds.map((id) => this.#markKey(id)),
    ];
    for (const key of keys) {
      if (this.#ahead.has(key.pk)) continue;
      const item = this.#read(key);
      item.catch(() => undefined);
      this.#ahead.set(key.pk, item);
    }
  }

  async effectOf(table: string, key: string): Promise<Effect | undefined> {
    const item = await this.#get(this.#effectKey(table, key));
    return item && toEffect(item);
  }

  /** As `effectOf`, but not as it was when the batch began. */
  async effectNow(table: string, key: string): Promise<Effect | undefined> {
    this.#ahead.delete(this.#effectKey(table, key).pk);
    return this.effectOf(table, key);
  }

  /** Remembers an effect, whatever was known before. */
  async remember(table: string, key: string, effect: Effect): Promise<void> {
    await this.#put({ ...this.#effectKey(table, key), ...effect, expiresAt: this.#expiry() });
  }

  /**
   * Remembers that work is about to be sent, unless another copy of it was faster.
   * @param before what was known when the decision was made
   * @returns false when that is no longer so
   */
  async claim(table: string, key: string, effect: Effect, before: Effect | undefined): Promise<boolean> {
    const item = { ...this.#effectKey(table, key), ...effect, expiresAt: this.#expiry() };
    this.#ahead.delete(item.pk);
    const condition = before
      ? ({
          allOf: [
            { attribute: 'state', operator: '=', value: before.state },
            { attribute: 'untilMs', operator: '=', value: before.untilMs },
          ],
        } as const)
      : ({ is: 'absent' } as const);
    return this.#decide(() => this.#table.put(item, condition, { deadline: this.#deadline }));
  }

  /** Forgets work that certainly did not take effect. */
  async forget(table: string, key: string): Promise<void> {
    await this.#delete(this.#effectKey(table, key));
  }

  async markOf(sysId: string): Promise<RecordMark> {
    const item = await this.#get(this.#markKey(sysId));
    return {
      isDeleted: item?.['isDeleted'] === true,
      inDoubtUntilMs: numberIn(item, 'inDoubtUntilMs'),
      inDoubtKey: String(item?.['inDoubtKey'] ?? ''),
      lastNumber: numberIn(item, 'lastNumber'),
      maker: String(item?.['maker'] ?? ''),
      makerUntilMs: numberIn(item, 'makerUntilMs'),
      unmatched: String(item?.['unmatched'] ?? ''),
      refusedSinceMs: numberIn(item, 'refusedSinceMs'),
      signalKey: String(item?.['signalKey'] ?? ''),
    };
  }

  /** Remembers that a record that exists is about to be deleted. */
  async markDeleted(sysId: string): Promise<void> {
    await this.#put({ ...this.#markKey(sysId), isDeleted: true, expiresAt: this.#expiry() });
  }

  /** Remembers that a record with this correlation_id is about to be deleted. */
  async markDeletedAs(correlationId: string): Promise<void> {
    const item = { ...this.#correlationKey(correlationId), deletedAtMs: this.#clock.now() };
    await this.#put({ ...item, expiresAt: this.#expiry() });
  }

  /** When the last record with this correlation_id was deleted by us, in milliseconds since the Unix epoch; 0: never. */
  async deletedAs(correlationId: string): Promise<number> {
    return numberIn(await this.#get(this.#correlationKey(correlationId)), 'deletedAtMs');
  }

  /**
   * Remembers that the instance may be working on a record until then; 0: that it is not any more.
   * @param inDoubtKey the name of the key whose answer was lost
   */
  async markInDoubt(sysId: string, untilMs: number, inDoubtKey: string): Promise<void> {
    await this.#changeMark(sysId, { inDoubtUntilMs: untilMs, inDoubtKey });
  }

  /**
   * Reserves a sys_id that several keys may want to create a record under, e.g. upserts of one match: a record that is there
   * after a lost answer is then known to be the work of one of them.
   * @param maker the name of the key
   * @param before what was known when the decision was made
   * @returns false when another key was faster
   */
  async reserve(sysId: string, maker: string, makerUntilMs: number, before: RecordMark): Promise<boolean> {
    const key = this.#markKey(sysId);
    this.#ahead.delete(key.pk);
    const asBefore = {
      allOf: [
        { attribute: 'maker', operator: '=', value: before.maker },
        { attribute: 'makerUntilMs', operator: '=', value: before.makerUntilMs },
      ],
    } as const;
    const condition =
      before.maker === ''
        ? ({ anyOf: [{ is: 'absent' }, { attribute: 'maker', exists: false }] } as const)
        : asBefore;
    const set = { maker, makerUntilMs, expiresAt: this.#expiry() };
    return this.#decide(
      async () =>
        (await this.#table.update(key, { set }, condition, { deadline: this.#deadline })) !== undefined,
    );
  }

  /** Lets other keys create a record under a sys_id: its maker was refused. */
  async release(sysId: string): Promise<void> {
    await this.#changeMark(sysId, { makerUntilMs: 0 });
  }

  /** Remembers a record that was created for a match which does not find it, by the first sys_id of the match. */
  async rememberUnmatched(firstSysId: string, sysId: string): Promise<void> {
    await this.#changeMark(firstSysId, { unmatched: sysId });
  }

  /** Remembers since when inserts under a sys_id are refused though no record is shown. */
  async rememberRefusal(sysId: string, refusedSinceMs: number): Promise<void> {
    await this.#changeMark(sysId, { refusedSinceMs });
  }

  /** Remembers under which number the last record of a match was created, by the first sys_id of the match. */
  async rememberNumber(firstSysId: string, number: number): Promise<void> {
    await this.#changeMark(firstSysId, { lastNumber: number });
  }

  /** Remembers which columns of a record a key is about to write, and when it was first about to. */
  async rememberColumns(
    sysId: string,
    keyName: string,
    columns: readonly string[],
    sentAtMs: number,
  ): Promise<void> {
    const expiresAt = this.#expiry();
    await this.#put({ pk: this.#columnsKey(sysId), sk: keyName, columns: [...columns], sentAtMs, expiresAt });
  }

  /** Forgets them: they were certainly not written. */
  async forgetColumns(sysId: string, keyName: string): Promise<void> {
    await this.#delete({ pk: this.#columnsKey(sysId), sk: keyName });
  }

  /** Remembers what signals about a record call its thing. */
  async rememberSignalKey(sysId: string, signalKey: string): Promise<void> {
    await this.#changeMark(sysId, { signalKey });
  }

  /**
   * The columns of a record that other keys were about to write after this time.
   * @param sinceMs in milliseconds since the Unix epoch
   * @param ownName the name of the key that asks
   */
  async columnsSince(sysId: string, sinceMs: number, ownName: string): Promise<ReadonlySet<string>> {
    const items = await this.#table.query(this.#columnsKey(sysId), {}, { deadline: this.#deadline });
    const later = items.filter((item) => item.sk !== ownName && numberIn(item, 'sentAtMs') > sinceMs);
    return new Set(
      later.flatMap(({ columns }) => (Array.isArray(columns) ? columns.map((column) => String(column)) : [])),
    );
  }

  /** The notes with this text on this record that we know of. */
  async notesOf(note: NoteKey): Promise<readonly NoteMark[]> {
    const items = await this.#table.query(this.#noteKey(note), {}, { deadline: this.#deadline });
    return items.map((item) => ({
      key: item.sk,
      state: stateIn(item),
      sentAtMs: numberIn(item, 'sentAtMs'),
      untilMs: numberIn(item, 'untilMs'),
      appliedAtMs: typeof item['appliedAtMs'] === 'number' ? item['appliedAtMs'] : undefined,
      entryId: typeof item['entryId'] === 'string' ? item['entryId'] : undefined,
    }));
  }

  async rememberNote(note: NoteKey, { key, ...mark }: NoteMark): Promise<void> {
    const known = Object.entries(mark).filter(([, value]) => value !== undefined);
    const item = {
      ...Object.fromEntries(known),
      pk: this.#noteKey(note),
      sk: key,
      expiresAt: this.#expiry(),
    };
    await this.#put(item);
  }

  async forgetNote(note: NoteKey, key: string): Promise<void> {
    await this.#delete({ pk: this.#noteKey(note), sk: key });
  }

  /** Assigns a journal entry to a key, once. @returns false when it belongs to another key */
  async claimEntry(entryId: string, key: string): Promise<boolean> {
    const item = { pk: `entry#${this.#scope}#${entryId}`, sk: '-', key, expiresAt: this.#expiry() };
    const free = { anyOf: [{ is: 'absent' }, { attribute: 'key', operator: '=', value: key }] } as const;
    return this.#table.put(item, free, { deadline: this.#deadline });
  }

  /**
   * Holds a name for a time, e.g. a match that only one message may create a record for.
   * @returns false while another holder has it
   */
  async hold(name: string, holder: string, untilMs: number): Promise<boolean> {
    const item = {
      pk: `hold#${this.#scope}#${digestOf(name)}`,
      sk: '-',
      holder,
      untilMs,
      expiresAt: this.#expiry(),
    };
    const free = {
      anyOf: [
        { is: 'absent' },
        { attribute: 'holder', operator: '=', value: holder },
        { attribute: 'untilMs', operator: '<', value: this.#clock.now() },
      ],
    } as const;
    return this.#table.put(item, free, { deadline: this.#deadline });
  }

  /** True once a table was seen to ignore the sys_id that a create asks for. */
  async ignoresSysId(table: string): Promise<boolean> {
    const item = await this.#get(this.#tableKey(table));
    return item?.['ignoresSysId'] === true;
  }

  async rememberThatTableIgnoresSysId(table: string): Promise<void> {
    await this.#put({ ...this.#tableKey(table), ignoresSysId: true });
  }

  /** What identifies a key in note marks. */
  nameOf(table: string, key: string): string {
    return digestOf(JSON.stringify([table.toLowerCase(), key]));
  }

  get #table(): StateTable {
    return this.#open();
  }

  async #changeMark(sysId: string, change: Readonly<Record<string, number | string>>): Promise<void> {
    const key = this.#markKey(sysId);
    this.#ahead.delete(key.pk);
    const set = { ...change, expiresAt: this.#expiry() };
    await this.#table.update(key, { set }, undefined, { deadline: this.#deadline });
  }

  /** @returns whether the condition of a write held */
  async #decide(call: () => Promise<boolean>): Promise<boolean> {
    const result = await this.#together(call);
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }

  async #get(key: StateKey): Promise<StateItem | undefined> {
    return this.#ahead.get(key.pk) ?? this.#read(key);
  }

  async #put(item: StateItem): Promise<void> {
    this.#ahead.delete(item.pk);
    await this.#write({ put: item });
  }

  async #delete(key: StateKey): Promise<void> {
    this.#ahead.delete(key.pk);
    await this.#write({ delete: key });
  }

  #expiry(): number {
    return Math.floor(this.#clock.now() / 1000) + keptSeconds;
  }

  #effectKey(table: string, key: string): StateKey {
    return { pk: `effect#${this.#scope}#${this.nameOf(table, key)}`, sk: '-' };
  }

  /** A sys_id is unique among all tables of an instance. */
  #markKey(sysId: string): StateKey {
    return { pk: `record#${this.#scope}#${sysId.toLowerCase()}`, sk: '-' };
  }

  #correlationKey(correlationId: string): StateKey {
    return { pk: `correlation#${this.#scope}#${digestOf(correlationId)}`, sk: '-' };
  }

  #columnsKey(sysId: string): string {
    return `columns#${this.#scope}#${sysId.toLowerCase()}`;
  }

  #tableKey(table: string): StateKey {
    return { pk: `table#${this.#scope}#${table.toLowerCase()}`, sk: '-' };
  }

  #noteKey({ sysId, column, textDigest }: NoteKey): string {
    return `note#${this.#scope}#${sysId.toLowerCase()}#${column}#${textDigest}`;
  }
}

/** 22 characters that identify a text without telling it. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

function toEffect(item: StateItem): Effect {
  const write = item['write'];
  return {
    state: stateIn(item),
    digest: String(item['digest']),
    write: write === 'create' || write === 'delete' ? write : 'update',
    sysId: String(item['sysId'] ?? ''),
    sentAtMs: numberIn(item, 'sentAtMs'),
    untilMs: numberIn(item, 'untilMs'),
  };
}

function stateIn(item: StateItem): Effect['state'] {
  return item['state'] === 'applied' ? 'applied' : 'possibly-sent';
}

function numberIn(item: StateItem | undefined, name: string): number {
  const value = item?.[name];
  return typeof value === 'number' ? value : 0;
}
