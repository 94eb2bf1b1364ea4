import type { Effect, EffectLedger } from '../aws/effect-ledger.ts';
import type { Clock } from '../core/clock.ts';
import { ConnectorError } from '../core/errors.ts';
import { deriveCorrelationMeeting } from './identity.ts';
import type { KeyedWrite, KeyedWrites } from './keyed-writes.ts';

/**
 * What the deployment remembers of writes to one instance. The records queue reads and writes the same, so that the writes of one
 * way in heed those of the other. Every method throws what the state table throws.
 */
export type WriteLedger = Pick<
  EffectLedger,
  | 'nameOf'
  | 'effectNow'
  | 'claim'
  | 'remember'
  | 'forget'
  | 'ignoresSysId'
  | 'rememberThatTableIgnoresSysId'
  | 'records'
  | 'notes'
>;

/** The digest of a create whose repeat may give another record: it is answered with the one that there is. */
export const createDigest = 'create';

/** True when what a key did was to create a record, other than by an upsert. */
export function isCreate({ write, isUpsert }: Effect): boolean {
  return write === 'create' && !isUpsert;
}

/** What is remembered of one kind of write by its key. */
type Remembered = {
  readonly table: string;
  readonly key: string;
  readonly write: Effect['write'];
  readonly digest: string;
  /** The digests that earlier releases kept of the same. */
  readonly earlierDigests: readonly string[];
};

/**
 * The writes of one key, kept where the records queue looks for them. What earlier releases remembered of writes over HTTP by
 * themselves is read from there.
 */
export function writesIn(
  ledger: WriteLedger,
  earlier: KeyedWrites,
  { table, key, write, digest, earlierDigests }: Remembered,
): KeyedWrites {
  const toEffect = ({ target, ...sent }: KeyedWrite): Effect => ({
    ...sent,
    ...{ write, isUpsert: false, sysId: target },
  });
  let isEarlier = false;
  return {
    async read(name) {
      const effect = await ledger.effectNow(table, key);
      const old = effect === undefined ? await earlier.read(name) : undefined;
      isEarlier = old !== undefined;
      const now = (known: string) => (earlierDigests.includes(known) ? digest : known);
      if (old) return { ...old, digest: now(old.digest) };
      if (effect === undefined) return undefined;
      const { sysId: target, state, sentAtMs, untilMs } = effect;
      const isSame = write === 'create' && isCreate(effect);
      return { state, sentAtMs, untilMs, target, digest: isSame ? digest : now(effect.digest) };
    },
    claim: (_name, sent, before) =>
      ledger.claim(table, key, toEffect(sent), before && !isEarlier ? toEffect(before) : undefined),
    remember: (_name, sent) => ledger.remember(table, key, toEffect(sent)),
    forget: (_name, sent) => ledger.forget(table, key, toEffect(sent)),
  };
}

const createPrefix = 'create ';

/** How a create is known that looks for a record with exactly its correlation_id. @param name of its key */
export function createMaker(name: string): string {
  return `${createPrefix}${name}`;
}

function isOfCreate(maker: string): boolean {
  return maker.startsWith(createPrefix);
}

/** How long a write waits for another one that may be making a record which it would find. */
export const otherMakerMs = 5_000;

/**
 * Looks who makes a record with this correlation_id, which several keys may want to make. To be called before the instance is asked
 * for that record.
 * @returns `reserve` lets others wait until then; false when another key may be making the record, or has been since
 */
export async function meetAt(
  { records }: Pick<WriteLedger, 'records'>,
  table: string,
  correlationId: string,
  clock: Clock,
) {
  const meeting = deriveCorrelationMeeting(table, correlationId);
  const mark = await records.of(meeting);
  let reserved: { readonly maker: string; readonly untilMs: number } | undefined;
  return {
    /** The name of the last key that reserved it; empty: none has. */
    maker: mark.maker,
    async reserve(maker: string, untilMs: number): Promise<boolean> {
      const isTaken = mark.maker !== '' && mark.maker !== maker && mark.makerUntilMs > clock.now();
      // Their keys differ in letter case, and they do not take each other's record for theirs.
      if (isTaken && isOfCreate(maker) && isOfCreate(mark.maker)) return true;
      const isReserved = !isTaken && (await records.reserve(meeting, maker, untilMs, mark));
      if (isReserved) reserved = { maker, untilMs };
      return isReserved;
    },
    /** Lets others go on: nothing was made. */
    async release(): Promise<void> {
      if (reserved) await records.release(meeting, reserved.maker, reserved.untilMs);
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
