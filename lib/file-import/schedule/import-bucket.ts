import type { S3Client } from '@aws-sdk/client-s3';
import { type ListedObject, listObjects, type ObjectRef, readText, versionAt } from '../../aws/s3.ts';
import { type ImportRequest, parseDropKey } from './import-request.ts';

/** The settings of a folder as they stood at a drop. */
export type PinnedSettings = {
  /** JSON. */
  readonly text: string;
  readonly ref: { readonly key: string; readonly versionId?: string };
};

/**
 * Reads `imports/{folder}/_import.json` as it stood at a moment, for a drop whose event arrives late too.
 * A bucket without versions knows only the present one.
 * @returns undefined when there was none
 */
export async function settingsAt(
  s3: S3Client,
  bucket: string,
  folder: string,
  atMs: number,
): Promise<PinnedSettings | undefined> {
  const key = `imports/${folder}/_import.json`;
  const current = await readText(s3, { bucket, key });
  if (current && (current.modifiedMs <= atMs || current.versionId === undefined))
    return pinned(key, current.text, current.versionId);
  const versionId = await versionAt(s3, { bucket, key }, atMs);
  if (versionId === undefined) return undefined;
  const stored = await readText(s3, { bucket, key, versionId });
  return stored && pinned(key, stored.text, versionId);
}

function pinned(key: string, text: string, versionId: string | undefined): PinnedSettings {
  return { text, ref: { key, ...(versionId === undefined ? {} : { versionId }) } };
}

/** The settings that the import is pinned to; undefined when there were none at its drop. */
export async function pinnedSettings(
  s3: S3Client,
  { bucket, settings }: ImportRequest,
): Promise<string | undefined> {
  if (!settings) return undefined;
  const { key, versionId } = settings;
  const ref: ObjectRef = { bucket, key, ...(versionId === undefined ? {} : { versionId }) };
  return (await readText(s3, ref))?.text;
}

/** A folder with more objects is not listed to its end: what it costs would exceed what it is for. */
const maxListed = 10_000;

/** Import files of the same folder that were stored at `sinceMs` or later and not after this one. */
export async function earlierDrops(
  s3: S3Client,
  request: ImportRequest,
  sinceMs: number,
): Promise<ListedObject[]> {
  const droppedMs = Date.parse(request.droppedAt);
  const folder = request.key.split('/', 2).join('/');
  const earlier: ListedObject[] = [];
  let listed = 0;
  for await (const object of listObjects(s3, request.bucket, `${folder}/`)) {
    if (++listed > maxListed) break;
    const isEarlier = object.modifiedMs >= sinceMs && object.modifiedMs <= droppedMs;
    const isOther = object.key !== request.key && object.size > 0;
    if (isEarlier && isOther && 'table' in parseDropKey(object.key)) earlier.push(object);
  }
  return earlier;
}
