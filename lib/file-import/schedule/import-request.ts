import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { InvalidInputError } from '../../core/errors.ts';
import { isTableName } from '../../servicenow/names.ts';

/** A dropped object. */
export type DroppedObject = ObjectIdentity & {
  readonly size: number;
  /** ISO time. */
  readonly droppedAt: string;
};

/** An object that an S3 event announces, which may leave its size to be looked up. */
export type AnnouncedObject = Omit<DroppedObject, 'size'> & { readonly size?: number };

/** What an S3 event says of one object: an import to start, or the reason why there is none. */
export type DropNotice = {
  readonly object: AnnouncedObject;
  /** Id of the user or role that stored it, as S3 attests. */
  readonly principal?: string | undefined;
} & ({ readonly drop: Drop } | NotADrop);

const objectSchema = z.object({
  key: z.string(),
  size: z.nullish(z.number()),
  eTag: z.nullish(z.string()),
  versionId: z.nullish(z.string()),
  sequencer: z.nullish(z.string()),
});

const recordSchema = z.object({
  eventName: z.string(),
  eventTime: z.nullish(z.string()),
  userIdentity: z.nullish(z.object({ principalId: z.nullish(z.string()) })),
  s3: z.object({ bucket: z.object({ name: z.string() }), object: objectSchema }),
});

const eventSchema = z.object({ Records: z.nullish(z.array(z.unknown())), Event: z.nullish(z.string()) });

type S3Record = z.infer<typeof recordSchema>;

/**
 * Reads the body of an SQS message that carries an S3 event notification: each record by itself, so that one that cannot be read takes
 * no other with it. The `s3:TestEvent` that S3 sends when a notification is set up gives an empty list.
 * @param onUnreadable takes how many records name no object
 * @throws InvalidInputError when the body is no such event
 */
export function parseS3Event(body: string, onUnreadable?: (count: number) => void): DropNotice[] {
  const event = eventSchema.safeParse(parseJson(body));
  if (!event.success) throw new InvalidInputError('body', 'is not an S3 event notification');
  const { Event, Records } = event.data;
  if (Event === 's3:TestEvent') return [];
  if (!Records) throw new InvalidInputError('body.Records', 'is missing');
  const read = Records.flatMap((record) => recordSchema.safeParse(record).data ?? []);
  if (read.length === 0 && Records.length > 0)
    throw new InvalidInputError('body', 'is not an S3 event notification');
  if (read.length < Records.length) onUnreadable?.(Records.length - read.length);
  return read.map(noticeOf);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new InvalidInputError('body', 'is not JSON', { cause });
  }
}

function noticeOf({ eventName, eventTime, s3, userIdentity }: S3Record): DropNotice {
  const principal = userIdentity?.principalId ?? undefined;
  const { key: encoded, versionId, eTag, size, sequencer } = s3.object;
  const key = decodeKey(encoded);
  const droppedMs = Date.parse(eventTime ?? '');
  const hasTime = !Number.isNaN(droppedMs);
  const object = {
    bucket: s3.bucket.name,
    key: key ?? encoded,
    ...(versionId && versionId !== 'null' ? { versionId } : {}),
    eTag: (eTag ?? '').replaceAll('"', ''),
    ...(typeof size === 'number' ? { size } : {}),
    droppedAt: new Date(hasTime ? droppedMs : 0).toISOString(),
    sequencer: sequencer ?? '',
  };
  if (!eventName.includes('ObjectCreated:')) return { object, principal, ignored: `event ${eventName}` };
  if (key === undefined)
    return { object, principal, refused: 'its key in the event is not percent-encoded UTF-8' };
  const parsed = parseDropKey(key);
  if (!('table' in parsed)) return { object, principal, ...parsed };
  if (!hasTime)
    return { object, principal, refused: 'its event has no time, which its place among other drops goes by' };
  return { object, principal, drop: parsed };
}

/** Keys in events are form-encoded: `+` is a space, the rest is percent-encoded UTF-8; undefined for what is not. */
function decodeKey(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** Sequencers are hexadecimal, about 16 to 32 digits long. */
const sequencerWidth = 64;

/**
 * An S3 event sequencer in a form that sorts as text, for objects of one key. Sequencers may differ in length; S3 says to pad the
 * shorter one with zeros on the right before comparing (S3 User Guide, "Event message structure"). Sequencers of different
 * keys say nothing about each other.
 */
export function sortableSequencer(sequencer: string): string {
  return sequencer.toLowerCase().padEnd(sequencerWidth, '0');
}

export type DropFormat = 'csv' | 'tsv' | 'jsonl';

/** What a key under `imports/` says about the file behind it. */
export type Drop = {
  /** The staging table, from the first folder, in lower case: folders that differ in case only share one line. */
  readonly table: string;
  /** The first folder as it is written; its `_import.json` holds the settings. */
  readonly folder: string;
  /** Sub-folders and file name without its endings: where the results go. */
  readonly name: string;
  readonly format: DropFormat;
  readonly gzip: boolean;
};

/** A key that is no import file. A `refused` one looks like a mistake, and its uploader gets an answer; an `ignored` one does not. */
export type NotADrop = { readonly ignored: string } | { readonly refused: string };

const dropPattern = /^imports\/([^/]+)\/(.+)$/s;
/** What is meant as settings, in a sub-folder or under a name like theirs. */
const settingsPattern = /(^|\/)_?import\.(json[c5]?|ya?ml)(\.txt)?$/i;
const endingPattern = /\.(csv|tsv|jsonl)(\.gz)?$/i;

/**
 * Parses a decoded object key of the form `imports/{stagingTable}/[sub/]{name}.csv|.tsv|.jsonl[.gz]`.
 * Folder markers and the settings of a table are `ignored`; every other key is `refused` with the reason.
 */
export function parseDropKey(key: string): Drop | NotADrop {
  if (key.endsWith('/')) return { ignored: 'a folder' };
  const [, folder, file] = dropPattern.exec(key) ?? [];
  if (folder === undefined || file === undefined)
    return { refused: 'is not in a folder imports/{stagingTable}/ (lower case)' };
  if (!isTableName(folder)) return { refused: `${JSON.stringify(folder)} is not a table name` };
  if (file === '_import.json') return { ignored: 'settings, not data' };
  if (settingsPattern.test(file))
    return { refused: `settings belong in imports/${folder}/_import.json, by exactly this name` };
  const ending = endingPattern.exec(file);
  if (!ending)
    return { refused: 'the file name must end in .csv, .tsv or .jsonl, optionally followed by .gz' };
  return {
    table: folder.toLowerCase(),
    folder,
    name: file.slice(0, ending.index),
    format: formatOf(ending[1]),
    gzip: ending[2] !== undefined,
  };
}

function formatOf(ending: string | undefined): DropFormat {
  const lower = ending?.toLowerCase();
  return lower === 'tsv' || lower === 'jsonl' ? lower : 'csv';
}

/** Says of a file that was dropped again by schedule which one that was first, and how often it was dropped again. */
export const redroppedSchema = z.object({
  times: z.number(),
  first: z.object({
    key: z.string(),
    versionId: z.optional(z.string()),
    eTag: z.string(),
    /** The name of its execution. */
    import: z.string(),
  }),
});

export type Redropped = z.infer<typeof redroppedSchema>;

/**
 * The input of one import: which object, pinned, and what its key and its drop say. Equal for equal objects. Fields that it does not
 * know are left out: after a rollback a newer release has written them.
 */
export const importRequestSchema = z.object({
  bucket: z.string(),
  key: z.string(),
  /** Present in a versioned bucket. */
  versionId: z.optional(z.string()),
  /** Without quotes. */
  eTag: z.string(),
  size: z.number(),
  /** The staging table, in lower case. */
  table: z.string(),
  /** Sub-folders and file name without its endings. */
  name: z.string(),
  format: z.enum(['csv', 'tsv', 'jsonl']),
  gzip: z.boolean(),
  /** The settings as they stood at the drop; absent when there were none. */
  settings: z.optional(z.object({ key: z.string(), versionId: z.optional(z.string()) })),
  /** Where the results go; ends in `/`. */
  resultsFolder: z.string(),
  /** Service and stage. Keys of rows carry them, so that two deployments on one instance cannot claim each other's rows. */
  deployment: z.string(),
  /** ISO time of the drop, as S3 saw it. */
  droppedAt: z.string(),
  sequencer: z.string(),
  /** Id of the role or user that dropped it, as S3 attests; of one that was dropped again, who did so first. */
  droppedBy: z.optional(z.string()),
  /** Present in what the schedule has dropped again. */
  redropped: z.optional(redroppedSchema),
});

export type ImportRequest = z.infer<typeof importRequestSchema>;

/**
 * What identifies a drop: the version of the object. Where the bucket keeps no versions, the ETag and the sequencer of the event:
 * a file that is dropped again with the same content is imported again.
 */
export type ObjectIdentity = Pick<ImportRequest, 'bucket' | 'key' | 'versionId' | 'eTag' | 'sequencer'>;

function objectIdentity({ bucket, key, versionId, eTag, sequencer }: ObjectIdentity): string {
  return [bucket, key, ...(versionId === undefined ? [eTag, sequencer] : [versionId])].join('\n');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * The durable execution's name: the same drop always has the same one, so Lambda itself refuses to run it twice.
 * Durable execution names take 1-64 of `[A-Za-z0-9_-]`.
 */
export function executionName(request: ObjectIdentity & Pick<ImportRequest, 'table'>): string {
  return `${request.table.slice(0, 24)}-${sha256(objectIdentity(request)).slice(0, 32)}`;
}

/** Twelve characters that stand for the object's version in row keys (`<version>:<line>` has to fit 40 characters). */
export function versionMark(request: ObjectIdentity & Pick<ImportRequest, 'deployment'>): string {
  return sha256(`${request.deployment}\n${objectIdentity(request)}`).slice(0, 12);
}

/** S3 takes keys of 1,024 bytes; so many are left for the names of files in a results folder. */
const maxFolderBytes = 960;

/**
 * Where an import's results go: `{prefix}{stagingTable}/{name}/{dropped}-{version}/`. Each version of an object has a folder of its
 * own. A name that is too long is shortened, and a hash of the whole name is appended.
 */
export function resultsFolder(
  request: ObjectIdentity & Pick<ImportRequest, 'table' | 'name' | 'droppedAt'>,
  prefix: string,
): string {
  const run = `${request.droppedAt.replaceAll(/[:.]/g, '-')}-${folderMark(request)}`;
  const room = maxFolderBytes - Buffer.byteLength(`${prefix}${request.table}//${run}/`);
  return `${prefix}${request.table}/${shortened(request.name, room)}/${run}/`;
}

/** Eight characters at the end of a results folder's name that stand for the object's version. */
export function folderMark(object: ObjectIdentity): string {
  return sha256(objectIdentity(object)).slice(0, 8);
}

/** A text of at most so many bytes of UTF-8. */
export function shortened(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const mark = `~${sha256(text).slice(0, 12)}`;
  const front = new TextDecoder().decode(bytes.subarray(0, maxBytes - mark.length - 3), { stream: true });
  return `${front.replace(/[\s/]+$/, '')}${mark}`;
}
