import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { type ListedObject, listFolders, listObjects } from '../../aws/s3.ts';
import type { StateItem, StateTable } from '../../aws/state-table.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { executionName, type ImportRequest, parseDropKey, sortableSequencer } from './import-request.ts';
import type { WaitList } from './wait-list.ts';

/** What is to be done about the event of a drop. */
export type Arrival =
  | { readonly kind: 'new' }
  /** An earlier copy of the event was received; its import waits, runs or has ended. */
  | { readonly kind: 'repeated' }
  /** A newer version of the same key arrived before; `by` is its version. */
  | { readonly kind: 'superseded'; readonly by: string };

/** What is remembered of one version. */
type Note = { readonly state: string; readonly by?: string; readonly supersededAtMs?: number };

/** S3 and SQS deliver events of a drop for 14 days at most. */
const keptSeconds = 30 * 86_400;

/**
 * Remembers which drops have arrived: by version, so that an event that is delivered twice starts one import; and the newest of
 * each key, so that the late event of an older version is recognised.
 */
export class EventDedup {
  readonly #table: StateTable;
  readonly #clock: Clock;

  constructor(table: StateTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /** Puts a drop that was not seen before into the wait-list. Safe to repeat, and to run twice at once. */
  async receive(request: ImportRequest, waiting: WaitList): Promise<Arrival> {
    const [version, newest] = await this.#table.readMany([versionKey(request), keyOf(request)]);
    if (version) return this.#known(request, version, waiting);
    const by = await this.#supersededBy(request, newest);
    if (by !== undefined) {
      if (await this.#note(request, this.#superseded(by))) return { kind: 'superseded', by };
      // An earlier copy of the event put it into the wait-list, and its import has begun meanwhile.
      return this.#known(request, await this.#table.read(versionKey(request)), waiting);
    }
    // In this order: a process that finds the drop noted also finds it in the wait-list.
    await waiting.add(request);
    await this.noteNewest(request);
    if (await this.#note(request, { state: 'arrived' })) return { kind: 'new' };
    // Another copy of the event was faster; its import may have ended meanwhile.
    return this.#known(request, await this.#table.read(versionKey(request)), waiting);
  }

  /**
   * Notes that the import of a drop begins, which may stand in the wait-list without a note: the process died that put it there.
   * @returns false when it has ended or is superseded: then it must not begin
   */
  async begin(request: ImportRequest): Promise<boolean> {
    // First, so that an older version of the key that arrives from now on is superseded.
    await this.noteNewest(request);
    const isArrived = { attribute: 'state', operator: '=', value: 'arrived' } as const;
    const isOpen = { anyOf: [{ is: 'absent' }, isArrived] } as const;
    const by = await this.#begunBefore(request);
    const what = by === undefined ? { state: 'arrived', begun: true } : this.#superseded(by);
    const item = { ...versionKey(request), ...what, expiresAt: this.#expiresAt() };
    return (await this.#table.put(item, isOpen)) && by === undefined;
  }

  /** The version that supersedes a drop, and since when that is known; undefined where none does. */
  async supersededBy(
    request: ImportRequest,
  ): Promise<{ readonly by: string; readonly sinceMs: number } | undefined> {
    const note = await this.#table.read(versionKey(request));
    if (note?.['state'] !== 'superseded') return undefined;
    const { supersededAtMs } = note;
    // Notes of the release before do not say when.
    return {
      by: String(note['by']),
      sinceMs: typeof supersededAtMs === 'number' ? supersededAtMs : Date.parse(request.droppedAt),
    };
  }

  #superseded(by: string) {
    return { state: 'superseded', by, supersededAtMs: this.#clock.now() };
  }

  /**
   * A newer version of the key that has begun before a drop that has not: its event came, and its import ran, while the drop was
   * being put into the wait-list.
   */
  async #begunBefore(request: ImportRequest): Promise<string | undefined> {
    const [own, newest] = await this.#table.readMany([versionKey(request), keyOf(request)]);
    if (own?.['begun'] === true || !newest || !isNewer(newest, request)) return undefined;
    const note = await this.#table.read({ pk: dropKey(String(newest['import'])), sk: 'version' });
    const hasBegun = note?.['begun'] === true || note?.['state'] === 'finished';
    return hasBegun ? String(newest['version']) : undefined;
  }

  /** Notes that the import of a drop has ended, so that no copy of its event starts another one. */
  async finish(request: ImportRequest): Promise<void> {
    await this.#table.put({ ...versionKey(request), state: 'finished', expiresAt: this.#expiresAt() });
  }

  async isFinished(request: ImportRequest): Promise<boolean> {
    return (await this.#table.read(versionKey(request)))?.['state'] === 'finished';
  }

  /** True when no other drop of the key has arrived since this one. @param drop `import` is the name of its execution */
  async isNewest(drop: {
    readonly bucket: string;
    readonly key: string;
    readonly import: string;
  }): Promise<boolean> {
    return (await this.#table.read(keyOf(drop)))?.['import'] === drop.import;
  }

  /**
   * Of some objects of a staging table, those whose events have not arrived. Two versions of a key may be of one second, as S3 gives
   * times; their ETags distinguish them.
   */
  async unseen<Dropped extends Pick<ListedObject, 'key' | 'modifiedMs' | 'eTag'>>(
    { bucket }: Pick<ImportRequest, 'bucket'>,
    objects: readonly Dropped[],
  ): Promise<Dropped[]> {
    const notes = await this.#table.readMany(objects.map(({ key }) => keyOf({ bucket, key })));
    return objects.filter(({ modifiedMs, eTag }, i) => {
      const droppedAt = notes[i]?.['droppedAt'];
      const seen = notes[i]?.['eTag'] ?? '';
      const isOther = eTag !== '' && seen !== '' && seen !== eTag;
      return droppedAt === undefined || isOther || Date.parse(String(droppedAt)) < modifiedMs;
    });
  }

  /** What makes a drop that has not arrived before useless: a newer version of its key, or of the file that is dropped again. */
  async #supersededBy(request: ImportRequest, newest: StateItem | undefined): Promise<string | undefined> {
    const { bucket, redropped } = request;
    if (redropped && !(await this.isNewest({ bucket, ...redropped.first })))
      return `a later drop of ${redropped.first.key}`;
    return newest && isNewer(newest, request) ? String(newest['version']) : undefined;
  }

  async #known(request: ImportRequest, note: StateItem | undefined, waiting: WaitList): Promise<Arrival> {
    const [state, by] = [note?.['state'], note?.['by']];
    if (state === 'finished' || state === 'superseded') await waiting.removeRequest(request);
    // Again, since the answer to the first copy may not have been written.
    return state === 'superseded' ? { kind: 'superseded', by: String(by) } : { kind: 'repeated' };
  }

  #note(request: ImportRequest, what: Note): Promise<boolean> {
    return this.#table.put(
      { ...versionKey(request), ...what, expiresAt: this.#expiresAt() },
      { is: 'absent' },
    );
  }

  /** Notes a drop as the newest of its key, unless a newer one is noted. */
  async noteNewest(request: ImportRequest): Promise<void> {
    const sequencer = sortableSequencer(request.sequencer);
    const item = {
      ...keyOf(request),
      sequencer,
      droppedAt: request.droppedAt,
      import: executionName(request),
      version: request.versionId ?? request.eTag,
      eTag: request.eTag,
      expiresAt: this.#expiresAt(),
    };
    const isOlder =
      request.sequencer === ''
        ? ({ attribute: 'droppedAt', operator: '<=', value: request.droppedAt } as const)
        : ({ attribute: 'sequencer', operator: '<=', value: sequencer } as const);
    await this.#table.put(item, { anyOf: [{ is: 'absent' }, isOlder] });
  }

  #expiresAt(): number {
    return Math.floor(this.#clock.now() / 1000) + keptSeconds;
  }
}

/** Whether what is noted of a key is a newer version than a drop. An event without a sequencer goes by its time. */
function isNewer(newest: StateItem, request: ImportRequest): boolean {
  if (newest['import'] === executionName(request)) return false;
  if (request.sequencer === '') return String(newest['droppedAt']) > request.droppedAt;
  return String(newest['sequencer']) > sortableSequencer(request.sequencer);
}

function versionKey(request: ImportRequest) {
  return { pk: dropKey(executionName(request)), sk: 'version' };
}

function dropKey(name: string): string {
  return `import-drop#${name}`;
}

function keyOf({ bucket, key }: Pick<ImportRequest, 'bucket' | 'key'>) {
  return { pk: `import-key#${createHash('sha256').update(`${bucket}\n${key}`).digest('hex')}`, sk: 'newest' };
}

/** An upload in parts takes no longer, as a rule. */
const longestUploadMs = 24 * 3_600_000;

/** A folder with more objects is not listed to its end: what it costs would exceed what it is for. */
const maxListed = 10_000;

/** Of the folders below `imports/`, a thousand each. */
const maxFolderPages = 10;

/**
 * Import files of the same staging table that were stored at `sinceMs` or later and not after this one, in whatever case their
 * folders are written.
 */
export async function earlierDrops(
  s3: S3Client,
  request: ImportRequest,
  sinceMs: number,
  log?: Log,
): Promise<ListedObject[]> {
  const own = `${request.key.split('/', 2).join('/')}/`;
  const inFolder = (folder: string) => earlierIn(s3, request, folder, sinceMs, log);
  const [earlier, folders] = await Promise.all([
    inFolder(own),
    listFolders(s3, request.bucket, own.slice(0, own.indexOf('/') + 1), maxFolderPages),
  ]);
  const others = folders.filter((folder) => folder !== own && folder.toLowerCase() === own.toLowerCase());
  for (const folder of others) earlier.push(...(await inFolder(folder)));
  return earlier;
}

async function earlierIn(
  s3: S3Client,
  request: ImportRequest,
  folder: string,
  sinceMs: number,
  log?: Log,
): Promise<ListedObject[]> {
  const droppedMs = Date.parse(request.droppedAt);
  const earlier: ListedObject[] = [];
  let listed = 0;
  for await (const object of listObjects(s3, request.bucket, folder)) {
    if (++listed > maxListed) {
      log?.warn('drop-order-not-checked', { folder, reason: `it holds more than ${maxListed} objects` });
      break;
    }
    // S3 dates an object of several parts by the beginning of its upload; their ETags have a hyphen.
    const beginMs = object.eTag.includes('-') ? sinceMs - longestUploadMs : sinceMs;
    const isEarlier = object.modifiedMs >= beginMs && object.modifiedMs <= droppedMs;
    const isOther = object.key !== request.key && object.size > 0;
    if (isEarlier && isOther && 'table' in parseDropKey(object.key)) earlier.push(object);
  }
  return earlier;
}
