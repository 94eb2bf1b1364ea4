import type { Clock } from '../core/clock.ts';
import { digestOf } from './digest.ts';
import { type LedgerItems, numberIn, textIn } from './ledger-items.ts';
import type { StateItem, StateKey } from './state-table.ts';

/** What is known of a record apart from the work on it. Times are milliseconds since the Unix epoch; 0: never. */
export type RecordMark = {
  /** One of our deletes has seen the record and deletes or has deleted it. */
  readonly isDeleted: boolean;
  /** Until then that delete may be under way; 0: the record is gone. */
  readonly deletingUntilMs: number;
  /** When that delete was about to be sent. */
  readonly deletedAtMs: number;
  /** The name of its key; empty: it had none. */
  readonly deletedUnder: string;
  /** When the record that it saw was created, in the words of the instance; empty where that was not shown. */
  readonly createdOn: string;
  /** Identifies the number that it had; empty where that was not shown. */
  readonly numberDigest: string;
  /** Until then a copy of a create of the record may be running, though another copy has made it. */
  readonly creatingUntilMs: number;
  /** Until then a process may be sending a create of the record once more; as a rule it ends far sooner, and says so. */
  readonly repeatingUntilMs: number;
  /** Until then the instance may be working on a write whose answer was lost. */
  readonly inDoubtUntilMs: number;
  /** The name of the key whose answer was lost; it is the first to go on. */
  readonly inDoubtKey: string;
  /** Of the first sys_id of a match: the last number that a record was created under. */
  readonly lastNumber: number;
  /** The name of the key that alone may create a record under this sys_id; empty: any. */
  readonly maker: string;
  /** From then on another key may, if there is no record yet. */
  readonly makerUntilMs: number;
  /** Of the first sys_id of a match: a record that was created for it and that it did not find; empty: none. */
  readonly unmatched: string;
  /** When an insert under this sys_id was first refused though no record is shown. */
  readonly refusedSinceMs: number;
  /** When a delete did not find the record though it was shown. */
  readonly deleteRefusedAtMs: number;
  /** When the instance last refused to resolve the record as a signal said. */
  readonly resolveRefusedAtMs: number;
  /** The time at which the source had confirmed that recovery, as the signal said it; empty where it did not. */
  readonly refusedConfirmation: string;
  /** The key of the signals about the record, where its correlation_id has no room for it; empty: it has. */
  readonly signalKey: string;
};

/** A delete that is about to be sent. */
export type BegunDelete = {
  /** Distinguishes this attempt from all others, those under the same key included. */
  readonly by: string;
  /** The name of its key; empty: it has none. */
  readonly under: string;
  /** Until then it may be under way, in milliseconds since the Unix epoch. */
  readonly untilMs: number;
  /** When the record was created, in the words of the instance. */
  readonly createdOn: string;
  /** Empty where it has none. */
  readonly number: string;
};

/** An item is written again so long before it expires. */
const renewedBeforeMs = 15 * 86_400_000;

const isNotDeleted = {
  anyOf: [
    { attribute: 'isDeleted', exists: false },
    { attribute: 'isDeleted', operator: '=', value: false },
  ],
} as const;

/** Remembers what we know of the records of one instance. Every method throws what the state table throws. */
export class RecordMarks {
  readonly #items: LedgerItems;
  readonly #scope: string;
  readonly #clock: Clock;

  constructor(
    items: LedgerItems,
    { deployment, instance }: { readonly deployment: string; readonly instance: string },
    clock: Clock,
  ) {
    this.#items = items;
    this.#scope = `${deployment}/${instance}`;
    this.#clock = clock;
  }

  /** A sys_id is unique among all tables of an instance. */
  keyOf(sysId: string): StateKey {
    return { pk: `record#${this.#scope}#${sysId.toLowerCase()}`, sk: '-' };
  }

  /** As it was when the batch began, or as it is now. */
  async of(sysId: string): Promise<RecordMark> {
    return toMark(await this.#items.get(this.keyOf(sysId)));
  }

  /** As it is now: what was read when the batch began may be old when a call of ours has been answered. */
  async now(sysId: string): Promise<RecordMark> {
    return toMark(await this.#items.getNow(this.keyOf(sysId)));
  }

  /**
   * Remembers that a record that exists is about to be deleted.
   * @returns whether this is the first delete of it that is not known to have failed; `refused` while a copy of its create may be
   *   running, which would bring it back
   */
  async beginDelete(
    sysId: string,
    { by, under, untilMs, createdOn, number }: BegunDelete,
  ): Promise<'first' | 'another' | 'refused'> {
    const nowMs = this.#clock.now();
    const change = {
      isDeleted: true,
      deletingUntilMs: untilMs,
      deletedBy: by,
      deletedUnder: under,
      deletedAtMs: nowMs,
      createdOn,
      numberDigest: number && digestOf(number),
    };
    const isOver = (attribute: string) =>
      ({
        anyOf: [
          { attribute, exists: false },
          { attribute, operator: '<=', value: nowMs },
        ],
      }) as const;
    const noneIsMade = [isOver('creatingUntilMs'), isOver('repeatingUntilMs')] as const;
    const key = this.keyOf(sysId);
    if (await this.#items.change(key, change, { allOf: [...noneIsMade, isNotDeleted] })) return 'first';
    const isUnderWay = { attribute: 'deletingUntilMs', operator: '>', value: 0 } as const;
    if (await this.#items.change(key, change, { allOf: [...noneIsMade, isUnderWay] })) return 'another';
    // That the record is gone stays: what is seen now was made again, or restored.
    const { creatingUntilMs, repeatingUntilMs } = await this.now(sysId);
    return Math.max(creatingUntilMs, repeatingUntilMs) > nowMs ? 'refused' : 'another';
  }

  /** Remembers that the record is gone. */
  async endDelete(sysId: string): Promise<void> {
    await this.#items.change(this.keyOf(sysId), { isDeleted: true, deletingUntilMs: 0 });
  }

  /**
   * Forgets the first delete of a record, which certainly did not take effect, unless another one has begun since or the record is
   * gone. Another one does not forget itself: it does not know what came of the first.
   */
  async abandonDelete(sysId: string, by: string): Promise<void> {
    const isOurs = {
      allOf: [
        { attribute: 'deletedBy', operator: '=', value: by },
        { attribute: 'deletingUntilMs', operator: '>', value: 0 },
      ],
    } as const;
    await this.#items.change(this.keyOf(sysId), { isDeleted: false, deletingUntilMs: 0 }, isOurs);
  }

  /**
   * Keeps deletes away from a record while a copy of its create may still be running.
   * @returns the mark, from which it is seen whether a delete was faster
   */
  async keepDeletesAway(sysId: string, untilMs: number): Promise<RecordMark> {
    return toMark(await this.#items.change(this.keyOf(sysId), { creatingUntilMs: untilMs }));
  }

  /**
   * Keeps deletes away from a record that is about to be sent once more.
   * @returns the mark, from which it is seen whether a delete was faster
   */
  async beginRepeat(sysId: string, untilMs: number): Promise<RecordMark> {
    return toMark(await this.#items.change(this.keyOf(sysId), { repeatingUntilMs: untilMs }));
  }

  /** Lets deletes in again, unless another copy keeps them away since. @param untilMs as it was begun with */
  async endRepeat(sysId: string, untilMs: number): Promise<void> {
    const isOurs = { attribute: 'repeatingUntilMs', operator: '=', value: untilMs } as const;
    await this.#items.change(this.keyOf(sysId), { repeatingUntilMs: 0 }, isOurs);
  }

  /**
   * Keeps everything away from a record that may still be made, until then.
   * @returns the mark, from which it is seen whether a delete was faster
   */
  async keepAllAway(sysId: string, untilMs: number): Promise<RecordMark> {
    const change = { creatingUntilMs: untilMs, inDoubtUntilMs: untilMs, inDoubtKey: '' };
    return toMark(await this.#items.change(this.keyOf(sysId), change));
  }

  /** Remembers that a record with this correlation_id is about to be deleted. */
  async markDeletedAs(correlationId: string): Promise<void> {
    await this.#items.put(this.#correlationKey(correlationId), { deletedAtMs: this.#clock.now() });
  }

  /** When the last record with this correlation_id was deleted by us, in milliseconds since the Unix epoch; 0: never. */
  async deletedAs(correlationId: string): Promise<number> {
    return numberIn(await this.#items.getNow(this.#correlationKey(correlationId)), 'deletedAtMs');
  }

  /**
   * Remembers that the instance may be working on a record until then. No doubt is shortened; one of several keys is over with its time
   * only.
   * @param inDoubtKey the name of the key whose answer was lost
   */
  async markInDoubt(sysId: string, untilMs: number, inDoubtKey: string): Promise<void> {
    const key = this.keyOf(sysId);
    const isOurs = {
      anyOf: [
        { attribute: 'inDoubtUntilMs', exists: false },
        { attribute: 'inDoubtUntilMs', operator: '<=', value: this.#clock.now() },
        { attribute: 'inDoubtKey', operator: '=', value: inDoubtKey },
      ],
    } as const;
    const isLonger = {
      anyOf: [
        { attribute: 'inDoubtUntilMs', exists: false },
        { attribute: 'inDoubtUntilMs', operator: '<=', value: untilMs },
      ],
    } as const;
    const change = { inDoubtUntilMs: untilMs, inDoubtKey };
    if (await this.#items.change(key, change, { allOf: [isOurs, isLonger] })) return;
    const isOfAnother = { attribute: 'inDoubtKey', operator: '<>', value: inDoubtKey } as const;
    const ofAll = { ...change, inDoubtKey: '' };
    if (await this.#items.change(key, ofAll, { allOf: [isLonger, isOfAnother] })) return;
    await this.#items.change(key, { inDoubtKey: '' }, isOfAnother);
  }

  /** Remembers that the instance is no longer working on the write of a key; other doubts stay. */
  async endDoubt(sysId: string, inDoubtKey: string): Promise<void> {
    const isOurs = { attribute: 'inDoubtKey', operator: '=', value: inDoubtKey } as const;
    await this.#items.change(this.keyOf(sysId), { inDoubtUntilMs: 0 }, isOurs);
  }

  /**
   * Reserves a sys_id that several keys may want to create a record under, e.g. upserts of one match: a record that is there
   * after a lost answer is then known to be the work of one of them.
   * @param maker the name of the key
   * @param before what was known when the decision was made
   * @returns false when another key was faster, or a record under it has been deleted
   */
  async reserve(sysId: string, maker: string, makerUntilMs: number, before: RecordMark): Promise<boolean> {
    const asBefore = [
      { attribute: 'maker', operator: '=', value: before.maker },
      { attribute: 'makerUntilMs', operator: '=', value: before.makerUntilMs },
    ] as const;
    const isFree = { anyOf: [{ is: 'absent' }, { attribute: 'maker', exists: false }] } as const;
    const condition = { allOf: [...(before.maker === '' ? [isFree] : asBefore), isNotDeleted] };
    const change = { maker, makerUntilMs };
    return (await this.#items.change(this.keyOf(sysId), change, condition)) !== undefined;
  }

  /** Lets other keys create a record under a sys_id: its maker was refused. What was reserved since stays so. */
  async release(sysId: string, maker: string, makerUntilMs: number): Promise<void> {
    const isStill = {
      allOf: [
        { attribute: 'maker', operator: '=', value: maker },
        { attribute: 'makerUntilMs', operator: '=', value: makerUntilMs },
      ],
    } as const;
    await this.#items.change(this.keyOf(sysId), { makerUntilMs: 0 }, isStill);
  }

  /** Remembers a record that was created for a match which does not find it, by the first sys_id of the match. */
  async rememberUnmatched(firstSysId: string, sysId: string): Promise<void> {
    await this.#items.change(this.keyOf(firstSysId), { unmatched: sysId });
  }

  /** Remembers since when inserts under a sys_id are refused though no record is shown. */
  async rememberRefusal(sysId: string, refusedSinceMs: number): Promise<void> {
    await this.#items.change(this.keyOf(sysId), { refusedSinceMs });
  }

  /** Remembers that a delete did not find a record that is shown. */
  async rememberRefusedDelete(sysId: string): Promise<void> {
    await this.#items.change(this.keyOf(sysId), { deleteRefusedAtMs: this.#clock.now() });
  }

  /** Remembers under which number the last record of a match was created, by the first sys_id of the match. */
  async rememberNumber(firstSysId: string, number: number): Promise<void> {
    await this.#items.change(this.keyOf(firstSysId), { lastNumber: number });
  }

  /** Remembers that the instance refuses to resolve a record. @param confirmed what the signal said of that */
  async rememberRefusedResolve(sysId: string, confirmed: string): Promise<void> {
    const change = { resolveRefusedAtMs: this.#clock.now(), refusedConfirmation: confirmed };
    await this.#items.change(this.keyOf(sysId), change);
  }

  /** Remembers what signals about a record call its thing. */
  async rememberSignalKey(sysId: string, signalKey: string): Promise<void> {
    await this.#items.change(this.keyOf(sysId), { signalKey });
  }

  /** What signals about a record call its thing, remembered for as long as it is asked for; empty: not known. */
  async signalKeyOf(sysId: string): Promise<string> {
    const item = await this.#items.get(this.keyOf(sysId));
    const key = textIn(item, 'signalKey');
    const isOld = numberIn(item, 'expiresAt') * 1_000 - this.#clock.now() < renewedBeforeMs;
    // It is known for two weeks more: the next reconciler tries again.
    if (key !== '' && isOld) await this.rememberSignalKey(sysId, key).catch(() => undefined);
    return key;
  }

  /** Remembers which key has made a record, where neither its sys_id nor its values say so. */
  async rememberMaker(sysId: string, key: string): Promise<void> {
    await this.#items.put(this.#madeKey(sysId), { key });
  }

  /** Takes a record for the work of a key, once. @returns false when another key has made it */
  async claimMade(sysId: string, key: string): Promise<boolean> {
    const isOurs = { anyOf: [{ is: 'absent' }, { attribute: 'key', operator: '=', value: key }] } as const;
    return (await this.#items.change(this.#madeKey(sysId), { key }, isOurs)) !== undefined;
  }

  #madeKey(sysId: string): StateKey {
    return { pk: `made#${this.#scope}#${sysId.toLowerCase()}`, sk: '-' };
  }

  #correlationKey(correlationId: string): StateKey {
    return { pk: `correlation#${this.#scope}#${digestOf(correlationId)}`, sk: '-' };
  }
}

function toMark(item: StateItem | undefined): RecordMark {
  return {
    isDeleted: item?.['isDeleted'] === true,
    deletingUntilMs: numberIn(item, 'deletingUntilMs'),
    deletedAtMs: numberIn(item, 'deletedAtMs'),
    deletedUnder: textIn(item, 'deletedUnder'),
    createdOn: textIn(item, 'createdOn'),
    numberDigest: textIn(item, 'numberDigest'),
    creatingUntilMs: numberIn(item, 'creatingUntilMs'),
    repeatingUntilMs: numberIn(item, 'repeatingUntilMs'),
    inDoubtUntilMs: numberIn(item, 'inDoubtUntilMs'),
    inDoubtKey: textIn(item, 'inDoubtKey'),
    lastNumber: numberIn(item, 'lastNumber'),
    maker: textIn(item, 'maker'),
    makerUntilMs: numberIn(item, 'makerUntilMs'),
    unmatched: textIn(item, 'unmatched'),
    refusedSinceMs: numberIn(item, 'refusedSinceMs'),
    deleteRefusedAtMs: numberIn(item, 'deleteRefusedAtMs'),
    resolveRefusedAtMs: numberIn(item, 'resolveRefusedAtMs'),
    refusedConfirmation: textIn(item, 'refusedConfirmation'),
    signalKey: textIn(item, 'signalKey'),
  };
}
