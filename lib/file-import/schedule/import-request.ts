import { createHash } from 'node:crypto';
import * as z from 'zod/mini';

/** The input of one import: which object, pinned, and what its key and its drop say. Equal for equal objects. */
export const importRequestSchema = z.strictObject({
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
  settings: z.optional(z.strictObject({ key: z.string(), versionId: z.optional(z.string()) })),
  /** Where the results go; ends in `/`. */
  resultsFolder: z.string(),
  /** Service and stage. Keys of rows carry them, so that two deployments on one instance cannot claim each other's rows. */
  deployment: z.string(),
  /** ISO time of the drop, as S3 saw it. */
  droppedAt: z.string(),
  sequencer: z.string(),
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
