import type { S3Client } from '@aws-sdk/client-s3';
import { systemClock } from '../../lib/core/clock.ts';
import type { ImportProgress } from '../../lib/file-import/report/summary.ts';
import { type ImportSummary, isAllWell } from '../../lib/file-import/report/summary.ts';
import { type BucketOptions, openBucket } from './destination.ts';
import { openDisplay } from './display.ts';
import { followFolder, followImport } from './follow-import.ts';
import { findFolders, readImport } from './list-imports.ts';
import { outcomeText } from './outcome-text.ts';
import { type PreflightOptions, runDryRun, runSuggest } from './preflight.ts';
import {
  checkDrop,
  findDrop,
  findResultsPrefix,
  hasOtherSettings,
  uploadDrop,
  uploadSettings,
} from './upload-drop.ts';

/** Uploads a file and shows its import until it is done. Sets the exit code 1 unless every line arrived. */
export async function runImport(
  options: BucketOptions & {
    readonly file: string;
    readonly table: string;
    readonly settings?: string | undefined;
    /** Prints the summary as JSON alone; all else goes to stderr. */
    readonly json?: boolean | undefined;
  },
): Promise<void> {
  const { file, table, settings, json = false } = options;
  const output = json ? process.stderr : process.stdout;
  await checkDrop(table, file);
  const { s3, bucket, endpoint } = openBucket(options);
  if (settings !== undefined) await uploadSettings(s3, bucket, table, settings);
  const drop = await uploadDrop(s3, bucket, table, file);
  if (settings === undefined && (await hasOtherSettings(s3, bucket, table, file)))
    output.write(
      `The _import.json next to the file is not the one in s3://${bucket}/imports/${table}/, which counts; --settings uploads one.\n`,
    );
  output.write(`Uploaded to s3://${bucket}/${drop.key}; the import continues if you press Ctrl-C.\n`);
  await show(s3, endpoint, json, (onProgress) =>
    followImport(s3, bucket, drop, systemClock, onProgress, warnQuiet),
  );
}

/**
 * Shows the import of the file that is at a key, which may not have begun; where the file is gone, or a folder is named, the newest run.
 * @throws Error when there is none
 */
export async function runFollow(
  options: BucketOptions & { readonly key: string; readonly json?: boolean | undefined },
): Promise<void> {
  const { s3, bucket, endpoint } = openBucket(options);
  const { key, json = false } = options;
  const isFolder = key.startsWith('results/');
  const dropKey = key.startsWith('imports/') ? key : `imports/${key}`;
  const drop = isFolder ? undefined : await findDrop(s3, bucket, dropKey);
  if (drop)
    return show(s3, endpoint, json, (onProgress) =>
      followImport(s3, bucket, drop, systemClock, onProgress, warnQuiet),
    );
  const folder = isFolder
    ? (await findFolders(s3, bucket, key.replace(/\/?$/, '/')))[0]
    : await newestRun(s3, bucket, dropKey);
  if (folder === undefined) throw new Error(`${key}: no import of this key was found in ${bucket}`);
  await show(s3, endpoint, json, (onProgress) => followFolder(s3, bucket, folder, systemClock, onProgress));
}

async function newestRun(s3: S3Client, bucket: string, dropKey: string): Promise<string | undefined> {
  const prefix = await findResultsPrefix(s3, bucket, dropKey);
  for (const folder of await findFolders(s3, bucket, prefix)) {
    // Not those of a file in a folder that has this name, and not of one with another ending.
    if (folder.indexOf('/', prefix.length) !== folder.length - 1) continue;
    const { progress, summary } = await readImport(s3, bucket, folder);
    if ((summary?.source?.key ?? progress?.key ?? dropKey) === dropKey) return folder;
  }
  return undefined;
}

/** Looks at a file without uploading it: what the import would say, or settings for it. */
export async function runPreflight(options: PreflightOptions, what: 'dry-run' | 'suggest'): Promise<void> {
  const drop = await checkDrop(options.table, options.file);
  await (what === 'dry-run' ? runDryRun(options, drop) : runSuggest(options, drop));
}

async function show(
  s3: S3Client,
  endpoint: string | undefined,
  json: boolean,
  follow: (onProgress: (progress: ImportProgress) => void) => Promise<ImportSummary>,
): Promise<void> {
  const display = openDisplay(json ? process.stderr : process.stdout);
  const summary = await follow(display.show).catch((error: unknown) => {
    display.close();
    throw error;
  });
  display.close(summary);
  process.stdout.write(json ? `${JSON.stringify(summary)}\n` : await outcomeText(summary, s3, endpoint));
  process.exitCode = isAllWell(summary) ? 0 : 1;
  s3.destroy();
}

function warnQuiet(): void {
  process.stderr.write(
    '\nThe import has not started yet. Check that startImport runs and that its queue has no dead letters.\n',
  );
}
