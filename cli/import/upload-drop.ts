import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { headObject, readText } from '../../lib/aws/s3.ts';
import { writeStream } from '../../lib/aws/s3-upload.ts';
import { InvalidInputError } from '../../lib/core/errors.ts';
import { parseSettings } from '../../lib/file-import/plan/settings.ts';
import { type Drop, parseDropKey, resultsFolder } from '../../lib/file-import/schedule/import-request.ts';
import { isTableName } from '../../lib/servicenow/names.ts';

/** A file that was uploaded: which version of the key it is, and below which prefix its results will be. */
export type UploadedDrop = {
  /** The version that S3 made of it; its ETag where the bucket keeps no versions. */
  readonly version: string;
  readonly key: string;
  readonly resultsPrefix: string;
};

/**
 * Uploads a file to where imports of the table are dropped.
 * @throws InvalidInputError for a name that is not a drop, and for an empty file, for which S3 sends no event;
 *   ConfigurationError for a wrong `_import.json`
 */
export async function uploadDrop(
  s3: S3Client,
  bucket: string,
  table: string,
  file: string,
): Promise<UploadedDrop> {
  const key = `imports/${table}/${basename(file)}`;
  await checkDrop(table, file);
  parseSettings((await readText(s3, { bucket, key: settingsKey(table) }))?.text);
  await writeStream(s3, { bucket, key }, createReadStream(file, { highWaterMark: 1 << 20 }), 'text/csv');
  const uploaded = await findDrop(s3, bucket, key);
  if (!uploaded) throw new InvalidInputError('file', `${key} is gone again`);
  return uploaded;
}

/**
 * The file that is at a key, whether or not its import has begun.
 * @returns undefined when there is none
 * @throws InvalidInputError for a key that is not a drop; ConfigurationError for a wrong `_import.json`
 */
export async function findDrop(s3: S3Client, bucket: string, key: string): Promise<UploadedDrop | undefined> {
  const resultsPrefix = await findResultsPrefix(s3, bucket, key);
  const head = await headObject(s3, { bucket, key });
  return head && { version: head.versionId ?? head.eTag, key, resultsPrefix };
}

/** Where the results of every file of this key go. Errors are those of `findDrop`. */
export async function findResultsPrefix(s3: S3Client, bucket: string, key: string): Promise<string> {
  const drop = requireDrop(key);
  const settings = parseSettings((await readText(s3, { bucket, key: settingsKey(drop.table) }))?.text);
  // Without the run: its folder is named after the version, and the moment at which S3 took the file.
  const anyRun = { bucket, key, eTag: '', sequencer: '', ...drop, droppedAt: new Date(0).toISOString() };
  const run = resultsFolder(anyRun, settings.resultsPrefix);
  return run.slice(0, run.lastIndexOf('/', run.length - 2) + 1);
}

/**
 * Puts settings into the folder of a table, where they count for every later drop.
 * @throws ConfigurationError for wrong settings
 */
export async function uploadSettings(
  s3: S3Client,
  bucket: string,
  table: string,
  file: string,
): Promise<void> {
  parseSettings(await readFile(file, 'utf8'));
  await writeStream(s3, { bucket, key: settingsKey(table) }, createReadStream(file), 'application/json');
}

/** Whether settings are next to a file that are not those in the folder of its table. */
export async function hasOtherSettings(
  s3: S3Client,
  bucket: string,
  table: string,
  file: string,
): Promise<boolean> {
  const own = await readFile(join(dirname(file), '_import.json'), 'utf8').catch(() => undefined);
  return own !== undefined && own !== (await readText(s3, { bucket, key: settingsKey(table) }))?.text;
}

function settingsKey(table: string): string {
  return `imports/${table}/_import.json`;
}

/** Checks what can be known of a drop before it is uploaded. @throws InvalidInputError */
export async function checkDrop(table: string, file: string): Promise<Drop> {
  if (!isTableName(table))
    throw new InvalidInputError('table', `${JSON.stringify(table)} is not a table name`);
  const drop = requireDrop(`imports/${table}/${basename(file)}`);
  if ((await stat(file)).size === 0) throw new InvalidInputError('file', `${basename(file)} is empty`);
  return drop;
}

function requireDrop(key: string): Drop {
  const drop = parseDropKey(key);
  if ('table' in drop) return drop;
  throw new InvalidInputError('file', `${key}: ${'ignored' in drop ? drop.ignored : drop.refused}`);
}
