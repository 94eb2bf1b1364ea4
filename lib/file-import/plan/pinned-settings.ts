import type { S3Client } from '@aws-sdk/client-s3';
import { type ObjectRef, readText, type StoredText, versionAt } from '../../aws/s3.ts';
import { ConfigurationError } from '../../core/errors.ts';
import type { ImportRequest } from '../schedule/import-request.ts';
import { readErrorOf } from '../unreadable-object.ts';

/** The settings of a folder as they stood at a drop. */
export type PinnedSettings = {
  /** JSON; absent where it may not be read. */
  readonly text?: string;
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
  const current = await readOrRefused(s3, { bucket, key });
  if (current === 'refused') return refusedSettings(s3, bucket, key, atMs);
  if (current && (current.modifiedMs <= atMs || current.versionId === undefined))
    return pinned(key, current.text, current.versionId);
  const version = await versionAt(s3, { bucket, key }, atMs);
  if (version === 'deleted') return undefined;
  // Versions were suspended: the present one may have taken the place of the one that applied.
  if (!version) return current?.versionId === 'null' ? pinned(key, current.text, 'null') : undefined;
  const stored = await readOrRefused(s3, { bucket, key, ...version });
  if (stored === 'refused') return { ref: { key, ...version } };
  return stored && pinned(key, stored.text, version.versionId);
}

/** Settings that may not be read are named all the same: the import is to end with the reason, not to run without them. */
async function refusedSettings(
  s3: S3Client,
  bucket: string,
  key: string,
  atMs: number,
): Promise<PinnedSettings | undefined> {
  const version = await versionAt(s3, { bucket, key }, atMs);
  return version === 'deleted' ? undefined : { ref: { key, ...version } };
}

async function readOrRefused(s3: S3Client, ref: ObjectRef): Promise<StoredText | 'refused' | undefined> {
  try {
    return await readText(s3, ref);
  } catch (error) {
    if (readErrorOf(ref.key, error) !== error) return 'refused';
    throw error;
  }
}

function pinned(key: string, text: string, versionId: string | undefined): PinnedSettings {
  return { text, ref: { key, ...(versionId === undefined ? {} : { versionId }) } };
}

/**
 * The settings that the import is pinned to; undefined when there were none at its drop.
 * @throws ConfigurationError when they are gone or archived, UnreadableObjectError
 */
export async function pinnedSettings(
  s3: S3Client,
  { bucket, settings }: ImportRequest,
): Promise<string | undefined> {
  if (!settings) return undefined;
  const { key, versionId } = settings;
  const ref: ObjectRef = { bucket, key, ...(versionId === undefined ? {} : { versionId }) };
  const stored = await readText(s3, ref).catch((error: unknown) => {
    throw readErrorOf(key, error, true);
  });
  if (!stored)
    throw new ConfigurationError('_import.json', 'what applied when the file was dropped has been deleted');
  return stored.text;
}
