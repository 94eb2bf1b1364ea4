import type { Clock } from '../core/clock.ts';
import { ConnectorError } from '../core/errors.ts';
import type { KeyedWrites } from './keyed-writes.ts';

/** What a key did, see `lib/aws/effect-ledger.ts`. */
export type KeyedEffect = {
  readonly state: 'possibly-sent' | 'applied';
  readonly digest: string;
  readonly write: 'create' | 'update' | 'delete';
  readonly sysId: string;
  readonly sentAtMs: number;
  readonly untilMs: number;
};

/** What is known of a record, see `lib/aws/record-marks.ts`. */
type Mark = {
  readonly isDeleted: boolean;
  readonly creatingUntilMs: number;
  readonly inDoubtUntilMs: number;
};

/** A note that was, or may have been, written under a key; see `lib/aws/note-marks.ts`. */
export type NoteMark = {
  readonly key: string;
  readonly state: 'possibly-sent' | 'applied';
  readonly sentAtMs: number;
  readonly untilMs: number;
  readonly appliedAtMs?: number | undefined;
  readonly entryId?: string | undefined;
};

/** A note of a record: its text is known by a digest only. */
type NoteKey = { readonly sysId: string; readonly column: string; readonly textDigest: string };

/**
 * What the deployment remembers of writes to one instance. The records queue reads and writes the same, so that the writes of one
 * way in heed those of the other. Every method throws what the place throws where it is kept.
 */
export type WriteLedger = {
  readonly records: {
    now(sysId: string): Promise<Mark>;
    beginDelete(
      sysId: string,
      begun: {
        readonly by: string;
        readonly untilMs: number;
        readonly createdOn: string;
        readonly number: string;
      },
    ): Promise<'first' | 'another' | 'refused'>;
    endDelete(sysId: string): Promise<void>;
    abandonDelete(sysId: string, by: string): Promise<void>;
    markDeletedAs(correlationId: string): Promise<void>;
    keepDeletesAway(sysId: string, untilMs: number): Promise<Mark>;
    keepAllAway(sysId: string, untilMs: number): Promise<Mark>;
    markInDoubt(sysId: string, untilMs: number, inDoubtKey: string): Promise<void>;
  };
  readonly notes: {
    rememberColumns(
      sysId: string,
      keyName: string,
      columns: readonly string[],
      sentAtMs: number,
    ): Promise<void>;
    forgetColumns(sysId: string, keyName: string): Promise<void>;
    notesOf(note: NoteKey): Promise<readonly NoteMark[]>;
    rememberNote(note: NoteKey, mark: NoteMark): Promise<void>;
    forgetNote(note: NoteKey, key: string): Promise<void>;
    claimEntry(entryId: string, key: string): Promise<boolean>;
  };
  nameOf(table: string, key: string): string;
  effectNow(table: string, key: string): Promise<KeyedEffect | undefined>;
  claim(table: string, key: string, effect: KeyedEffect, before: KeyedEffect | undefined): Promise<boolean>;
  remember(table: string, key: string, effect: KeyedEffect): Promise<void>;
  forget(table: string, key: string, effect: KeyedEffect): Promise<void>;
  ignoresSysId(table: string): Promise<boolean>;
  rememberThatTableIgnoresSysId(table: string): Promise<void>;
};

/** The digest of a create whose repeat may give another record: it is answered with the one that there is. */
export const createDigest = 'create';

/** The creates of one key, kept where the records queue looks for them. */
export function createsIn(ledger: WriteLedger, table: string, key: string): KeyedWrites {
  const toEffect = ({ target, ...write }: Parameters<KeyedWrites['remember']>[1]): KeyedEffect => ({
    ...write,
    write: 'create',
    sysId: target,
  });
  return {
    async read() {
      const effect = await ledger.effectNow(table, key);
      if (effect === undefined) return undefined;
      const { write, sysId, ...rest } = effect;
      return { ...rest, digest: write === 'create' ? createDigest : effect.digest, target: sysId };
    },
    claim: (_name, write, before) => ledger.claim(table, key, toEffect(write), before && toEffect(before)),
    remember: (_name, write) => ledger.remember(table, key, toEffect(write)),
    async forget() {
      const effect = await ledger.effectNow(table, key);
      if (effect) await ledger.forget(table, key, effect);
    },
  };
}

/** Nothing was sent: the instance may still be working on another write of the record, whose answer was lost. */
class RecordInDoubtError extends ConnectorError {
  override readonly name: string = 'RecordInDoubtError';
  override readonly code = 'RECORD_IN_DOUBT';
  override readonly retryable = true;
  override readonly retryAfterMs: number;
  override readonly ownAnswer = { status: 503, title: 'The record is in doubt' };

  constructor(waitMs: number) {
    const seconds = Math.ceil(Math.max(1_000, waitMs) / 1_000);
    super(
      `nothing was sent: the answer to another write of the record was lost, and the instance may still be working on it; try again in ${seconds} s`,
    );
    this.retryAfterMs = seconds * 1_000;
  }
}

/** @throws RecordInDoubtError before that time */
export function refuseUntil(untilMs: number, clock: Clock): void {
  const waitMs = untilMs - clock.now();
  if (waitMs > 0) throw new RecordInDoubtError(waitMs);
}
