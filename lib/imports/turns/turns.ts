import type { S3Client } from '@aws-sdk/client-s3';
import { deleteObject, type ObjectRef, readText, writeIfUnchanged, writeObject } from '../../aws/s3.ts';
import type { Clock } from '../../core/clock.ts';
import { executionName, type ImportRequest } from '../drop/import-request.ts';
import { RetryLaterError } from '../retry-later-error.ts';
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

/** Renewing costs a request, so it is done once in a while. */
const renewPeriodMs = 60_000;

export function createTurns({ s3, clock, maxConcurrent, leaseMs = 1_800_000 }: TurnOptions): Turns {
  let renewedAtMs = 0;

  return {
    queue: (request) => queueUp(s3, clock, request),

    async take(request) {
      await this.queue(request);
      if (!(await isFirst(s3, clock, request))) return false;
      if (!(await hold(request, tableLock(request)))) return false;
      return holdSlot(request);
    },

    async renew(request) {
      const now = clock.now();
      if (now - renewedAtMs < renewPeriodMs) return;
      await this.queue(request);
      const held = await heldLocks(request);
      const isWhole = held.length >= 2;
      if (!isWhole && !(await this.take(request)))
        throw new RetryLaterError('another import took this turn over', 60);
      for (const lock of held) await writeObject(s3, lock, holder(request), 'application/json');
      renewedAtMs = now;
    },

    async release(request) {
      for (const lock of await heldLocks(request)) await deleteObject(s3, lock);
      await leaveLine(s3, request);
    },
  };

  function slots({ bucket }: ImportRequest) {
    return Array.from({ length: maxConcurrent }, (_, n) => ({ bucket, key: `turns/running/slot-${n}` }));
  }

  /** Takes one slot, and no second one when the turn is taken again after a crash. */
  async function holdSlot(request: ImportRequest): Promise<boolean> {
    const held = await heldLocks(request);
    if (held.some(({ key }) => key !== tableLock(request).key)) return true;
    for (const slot of slots(request)) if (await hold(request, slot)) return true;
    return false;
  }

  /** Takes a lock that is free, ours already, or whose holder is gone. */
  async function hold(request: ImportRequest, lock: ObjectRef): Promise<boolean> {
    const stored = await readText(s3, lock);
    if (stored && isOurs(stored.text, request)) return true;
    if (stored && renewedAt(stored.text) >= clock.now() - leaseMs) return false;
    return (await writeIfUnchanged(s3, lock, holder(request), stored?.eTag)) !== undefined;
  }

  async function heldLocks(request: ImportRequest): Promise<ObjectRef[]> {
    const held: ObjectRef[] = [];
    for (const lock of [tableLock(request), ...slots(request)]) {
      const stored = await readText(s3, lock);
      if (stored && isOurs(stored.text, request)) held.push(lock);
    }
    return held;
  }

  function holder(request: ImportRequest): string {
    return JSON.stringify({ import: executionName(request), renewedAtMs: clock.now() });
  }
}

function tableLock({ bucket, table }: ImportRequest): ObjectRef {
  return { bucket, key: `turns/running/table-${table}` };
}

function isOurs(text: string, request: ImportRequest): boolean {
  const stored: { import: string } = JSON.parse(text);
  return stored.import === executionName(request);
}

function renewedAt(text: string): number {
  const stored: { renewedAtMs: number } = JSON.parse(text);
  return stored.renewedAtMs;
}
