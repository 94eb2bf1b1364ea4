import type { S3Client } from '@aws-sdk/client-s3';
import {
  deleteObject,
  type ObjectRef,
  readText,
  type StoredText,
  writeIfUnchanged,
  writeObject,
} from '../../aws/s3.ts';
import type { Clock } from '../../core/clock.ts';
import { RetryLaterError } from '../retry-later-error.ts';
import { executionName, type ImportRequest } from './import-request.ts';
import { isFirst, leaveLine, queueUp } from './line.ts';

/**
 * Whose turn it is: at most `maxConcurrent` imports run, and one per staging table, in the order of the drops.
 *
 * Every dropped file gets its place in the line and its durable execution at once, and waits for its turn inside it, by
 * durable waits that cost nothing. So nothing has to stay in the SQS queue, where a message would age, use up its
 * receives and end as a dead letter. The order is kept by objects below `turns/` in the import bucket, with S3's
 * conditional writes as the lock:
 *
 * - `turns/seen/{table}/{hash}`: the newest drop of one key that an event told of (see `seen-drops.ts`).
 * - `turns/waiting/{table}/{dropped}~{sequencer}~{name}`: a place in the line of one table; kept until the end.
 * - `turns/running/table-{table}` and `turns/running/slot-{n}`: held by one import, written only where nothing is.
 *
 * Each object carries a lease: whoever works renews it with every operation, whoever waits with every look. An
 * execution that was stopped from outside stops renewing; after `leaseMs` its locks count for nothing and are
 * taken over, a place in the line after five minutes. An import whose lease was taken over in spite of that notices at its next operation and waits.
 */
export type Turns = {
  /** Takes a place in the line. */
  queue(request: ImportRequest): Promise<void>;
  /** True once the import holds its table and a slot. */
  take(request: ImportRequest): Promise<boolean>;
  /** Renews the lease. @throws RetryLaterError when somebody else holds the turn by now */
  renew(request: ImportRequest): Promise<void>;
  /** Gives everything back. */
  release(request: ImportRequest): Promise<void>;
};

export type TurnOptions = {
  readonly s3: S3Client;
  readonly clock: Clock;
  /** Imports that run at once. */
  readonly maxConcurrent: number;
  /** @default 1_800_000: far beyond the longest operation and the longest wait between two */
  readonly leaseMs?: number;
};

/** Renewing costs requests, so it is done once in a while. */
const renewPeriodMs = 60_000;
/** A place in the line, which whoever waits renews, is good for minutes; looks come every few seconds at first. */
const placePeriodMs = 10_000;

/** A lock as it was read. */
type Lock = { readonly ref: ObjectRef; readonly stored: StoredText | undefined };

export function createTurns({ s3, clock, maxConcurrent, leaseMs = 1_800_000 }: TurnOptions): Turns {
  let renewedAtMs = 0;
  let placedAtMs = 0;

  return {
    async queue(request) {
      await queueUp(s3, clock, request);
      placedAtMs = clock.now();
    },

    async take(request) {
      if (clock.now() - placedAtMs >= placePeriodMs) await this.queue(request);
      if (!(await isFirst(s3, clock, request))) return false;
      const { table, slots } = await readLocks(request);
      // Locks that are ours from an earlier time are as old as that.
      const isFresh = ![table, ...slots].some((lock) => isOurs(lock, request));
      const isGranted = (await hold(request, table)) && (await holdSlot(request, slots));
      if (isGranted && isFresh) renewedAtMs = clock.now();
      return isGranted;
    },

    async renew(request) {
      const now = clock.now();
      if (now - renewedAtMs < renewPeriodMs) return;
      await this.queue(request);
      const held = await heldLocks(request);
      const isWhole = held.length >= 2;
      if (!isWhole && !(await this.take(request)))
        throw new RetryLaterError('another import took this turn over', 60);
      await Promise.all(held.map((lock) => writeObject(s3, lock, holder(request), 'application/json')));
      renewedAtMs = now;
    },

    async release(request) {
      const held = await heldLocks(request);
      await Promise.all(held.map((lock) => deleteObject(s3, lock)));
      await leaveLine(s3, request);
    },
  };

  async function readLocks(request: ImportRequest): Promise<{ table: Lock; slots: Lock[] }> {
    const { bucket } = request;
    const read = async (ref: ObjectRef) => ({ ref, stored: await readText(s3, ref) });
    const [table, ...slots] = await Promise.all([
      read(tableLock(request)),
      ...Array.from({ length: maxConcurrent }, (_, n) => read({ bucket, key: `turns/running/slot-${n}` })),
    ]);
    return { table, slots };
  }

  /** Takes one slot, and no second one when the turn is taken again after a crash. */
  async function holdSlot(request: ImportRequest, slots: readonly Lock[]): Promise<boolean> {
    if (slots.some((slot) => isOurs(slot, request))) return true;
    for (const slot of slots) if (await hold(request, slot)) return true;
    return false;
  }

  /** Takes a lock that is free, ours already, or whose holder is gone; not when it changed since it was read. */
  async function hold(request: ImportRequest, lock: Lock): Promise<boolean> {
    if (isOurs(lock, request)) return true;
    const { ref, stored } = lock;
    if (stored && renewedAt(stored.text) >= clock.now() - leaseMs) return false;
    return (await writeIfUnchanged(s3, ref, holder(request), stored?.eTag)) !== undefined;
  }

  async function heldLocks(request: ImportRequest): Promise<ObjectRef[]> {
    const { table, slots } = await readLocks(request);
    return [table, ...slots].filter((lock) => isOurs(lock, request)).map(({ ref }) => ref);
  }

  function holder(request: ImportRequest): string {
    return JSON.stringify({ import: executionName(request), renewedAtMs: clock.now() });
  }
}

function tableLock({ bucket, table }: ImportRequest): ObjectRef {
  return { bucket, key: `turns/running/table-${table}` };
}

function isOurs({ stored }: Lock, request: ImportRequest): boolean {
  if (!stored) return false;
  const holder: { import: string } = JSON.parse(stored.text);
  return holder.import === executionName(request);
}

function renewedAt(text: string): number {
  const stored: { renewedAtMs: number } = JSON.parse(text);
  return stored.renewedAtMs;
}
