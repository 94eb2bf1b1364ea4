import type { S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod/mini';
import { digestOf } from '../../aws/digest.ts';
import { copyIfAbsent, headObject, type ObjectRef } from '../../aws/s3.ts';
import type { StateItem, StateTable } from '../../aws/state-table.ts';
import type { Clock, Deadline } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { EventDedup } from './event-dedup.ts';
import {
  executionName,
  type ImportRequest,
  type Redropped,
  redroppedSchema,
  shortened,
} from './import-request.ts';

/** A file is dropped again so often at most. */
const mostTimes = 3;
const keptSeconds = 30 * 86_400;
/** A copy is not begun with less than this left. */
const copyMs = 60_000;
const pk = 'import-redrop';

const objectSchema = z.object({ key: z.string(), versionId: z.optional(z.string()) });

const dropSchema = z.object({
  bucket: z.string(),
  /** What is copied: the rows that were not sent, or the whole file where none was. */
  source: objectSchema,
  /** Where it is dropped. */
  target: z.string(),
  /** Who dropped the file first, as S3 attests it. */
  droppedBy: z.optional(z.string()),
  redropped: redroppedSchema,
});

type Drop = z.infer<typeof dropSchema>;

/** What dropping again came to. */
export type RedropReport = {
  readonly dropped: number;
  /** Files of which another version was dropped since, or that were deleted. */
  readonly superseded: number;
  /** Keys that could not be dropped, with the reasons; they are tried again. */
  readonly failures: readonly string[];
};

/**
 * Imports that were given up for something that passes, to be dropped again by schedule: what was never sent, so that no row can be
 * stored twice. Remembered in the state table by the key under which the file is dropped again.
 */
export class Redrops {
  readonly #table: StateTable;
  readonly #clock: Clock;
  readonly #dedup: EventDedup;

  constructor(table: StateTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
    this.#dedup = new EventDedup(table, clock);
  }

  /**
   * Remembers an import that is over, unless its file was dropped again often enough. Safe to repeat.
   * @param unsent key of the rows that were not sent; without it the whole file is dropped again
   * @returns false when it was dropped again often enough
   */
  async note(request: ImportRequest, unsent: string | undefined): Promise<boolean> {
    const { bucket, key, versionId, eTag, droppedBy, redropped } = request;
    const times = (redropped?.times ?? 0) + 1;
    if (times > mostTimes) return false;
    const version = versionId === undefined ? {} : { versionId };
    const first = redropped?.first ?? { key, ...version, eTag, import: executionName(request) };
    const target = keyOfRedrop(first.key, times, unsent === undefined);
    const drop: Drop = {
      ...{ bucket, target, droppedBy, redropped: { times, first } },
      source: unsent === undefined ? { key, ...version } : { key: unsent },
    };
    // Once it is over, it stays so.
    await this.#table.put(this.#toItem(drop, 'due'), { is: 'absent' });
    return true;
  }

  /** What is known of a file that was dropped again under this key. */
  async find(key: string): Promise<Pick<Drop, 'droppedBy' | 'redropped'> | undefined> {
    const item = await this.#table.read(keyOf(key));
    return item && toDrop(item);
  }

  /**
   * Drops every file that is due, each once: the copy is made only where its key does not exist yet, and not when another version of
   * the file was dropped since.
   */
  async dropDue(s3: S3Client, log: Log, deadline: Deadline): Promise<RedropReport> {
    const items = await this.#table.query(pk);
    let dropped = 0;
    let superseded = 0;
    const failures: string[] = [];
    for (const item of items) {
      if (item['state'] !== 'due') continue;
      if (deadline.passed(copyMs)) break;
      const drop = toDrop(item);
      const { target, droppedBy: caller, redropped, bucket, source } = drop;
      const { key } = redropped.first;
      try {
        const isCurrent = await this.#isCurrent(s3, bucket, redropped);
        if (isCurrent) await copyIfAbsent(s3, refOf(bucket, source), { bucket, key: target });
        await this.#table.put(this.#toItem(drop, 'over'));
        if (isCurrent) dropped += 1;
        else superseded += 1;
        const event = isCurrent ? 'import-redropped' : 'import-redrop-superseded';
        log.info(event, { caller, key, target, times: redropped.times });
      } catch (error) {
        const reason = String(error);
        log.error('import-not-redropped', { caller, key, target, reason });
        failures.push(`${key}: ${reason}`);
      }
    }
    return { dropped, superseded, failures };
  }

  /** True while the file that was dropped first is the newest under its key: by its events, and in the bucket itself. */
  async #isCurrent(s3: S3Client, bucket: string, { first }: Redropped): Promise<boolean> {
    if (!(await this.#dedup.isNewest({ bucket, ...first }))) return false;
    const head = await headObject(s3, { bucket, key: first.key });
    return head !== undefined && head.eTag === first.eTag && head.versionId === first.versionId;
  }

  /** Those that are over are kept, so that startImport knows who dropped the file first. */
  #toItem(drop: Drop, state: 'due' | 'over'): StateItem {
    const expiresAt = Math.floor(this.#clock.now() / 1_000) + keptSeconds;
    return { ...keyOf(drop.target), state, drop: JSON.stringify(drop), expiresAt };
  }
}

function refOf(bucket: string, { key, versionId }: Drop['source']): ObjectRef {
  return versionId === undefined ? { bucket, key } : { bucket, key, versionId };
}

function toDrop({ drop }: StateItem): Drop {
  return dropSchema.parse(JSON.parse(String(drop)));
}

function keyOf(target: string) {
  return { pk, sk: digestOf(target) };
}

const endingPattern = /((\.(?:csv|tsv|jsonl))(?:\.gz)?)$/i;
const mark = '~again-';

/** S3 takes keys of 1,024 bytes. */
const maxKeyBytes = 1_024;

/**
 * `imports/imp_user/people.csv` as `imports/imp_user/people~again-1.csv`; rows that were not sent are never compressed. A key that
 * becomes too long for S3 is shortened.
 */
function keyOfRedrop(key: string, times: number, isWhole: boolean): string {
  const [, whole = '', format = ''] = endingPattern.exec(key) ?? [];
  const ending = `${mark}${times}${isWhole ? whole : format}`;
  const name = key.slice(0, key.length - whole.length);
  return `${shortened(name, maxKeyBytes - Buffer.byteLength(ending))}${ending}`;
}

/** True for a key as those of files that are dropped again. */
export function mayBeRedrop(key: string): boolean {
  return key.includes(mark);
}
