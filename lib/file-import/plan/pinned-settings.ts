import type { S3Client } from '@aws-sdk/client-s3';
import { type ObjectRef, readText, versionAt } from '../../aws/s3.ts';
import type { ImportRequest } from '../schedule/import-request.ts';

/** The settings of a folder as they stood at a drop. */
export type PinnedSettings = {
  /** JSON. */
  readonly text: string;
  readonly ref: { readonly key: string; readonly versionId?: string };
};

/**
 * Reads `imports/{folder}/_import.json` as it stood at a moment, for a drop whose event arrives late too. A folder that is not in
 * lower case, and has no settings of its own, goes by those of its table.
 * A bucket that keeps no versions (any more) knows only the present one.
 * @returns undefined when there was none
 */
export async function settingsAt(
  s3: S3Client,
  bucket: string,
  folder: string,
  atMs: number,
): Promise<PinnedSettings | undefined> {
  for (const name of new Set([folder, folder.toLowerCase()])) {
    const found = await settingsOf(s3, bucket, `imports/${name}/_import.json`, atMs);
    if (found) return found;
  }
  return undefined;
}

async function settingsOf(
  s3: S3Client,
  bucket: string,
  key: string,
  atMs: number,
): Promise<PinnedSettings | undefined> {
  const current = await readText(s3, { bucket, key });
  if (current && (current.modifiedMs <= atMs || current.versionId === undefined))
    return pinned(key, current.text, current.versionId);
  const version = await versionAt(s3, { bucket, key }, atMs);
  if (version === 'deleted') return undefined;
  // Versions were suspended: the present one may have taken the place of the one that applied.
  if (!version) return current?.versionId === 'null' ? pinned(key, current.text, 'null') : undefined;
  const stored = await readText(s3, { bucket, key, ...version });
  return stored && pinned(key, stored.text, version.versionId);
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
