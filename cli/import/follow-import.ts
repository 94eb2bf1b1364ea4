import type { S3Client } from '@aws-sdk/client-s3';
import { listObjects, readText } from '../../lib/aws/s3.ts';
import type { Clock } from '../../lib/core/clock.ts';
import type { ImportProgress, ImportSummary } from '../../lib/file-import/report/summary.ts';
import type { UploadedDrop } from './upload-drop.ts';

const lookEveryMs = 500;
/** A waiting import shows so at once; one without any progress for so long was not scheduled. */
const quietMs = 60_000;

/**
 * Polls the progress of an import until its summary exists. Calls `onProgress` with each reading, and `onQuiet` once when
 * the import shows no sign of life.
 */
export async function followImport(
  s3: S3Client,
  bucket: string,
  drop: UploadedDrop,
  clock: Clock,
  onProgress: (progress: ImportProgress) => void,
  onQuiet: () => void,
): Promise<ImportSummary> {
  const folder = await waitForFolder(s3, bucket, drop, clock, onQuiet);
  return followFolder(s3, bucket, folder, clock, onProgress);
}

/** The same for a run whose results folder is known. */
export async function followFolder(
  s3: S3Client,
  bucket: string,
  folder: string,
  clock: Clock,
  onProgress: (progress: ImportProgress) => void,
): Promise<ImportSummary> {
  for (;;) {
    const summary = await readText(s3, { bucket, key: `${folder}summary.json` });
    if (summary) return JSON.parse(summary.text);
    const progress = await readProgress(s3, bucket, `${folder}progress.json`);
    if (progress) onProgress(progress);
    await clock.sleep(lookEveryMs);
  }
}

/** Each run of a name has a folder of its own; ours is the one whose progress names the version that we uploaded. */
async function waitForFolder(
  s3: S3Client,
  bucket: string,
  drop: UploadedDrop,
  clock: Clock,
  onQuiet: () => void,
): Promise<string> {
  const others = new Set<string>();
  const quietAtMs = clock.now() + quietMs;
  let isReported = false;
  for (;;) {
    for await (const { key } of listObjects(s3, bucket, drop.resultsPrefix)) {
      if (!key.endsWith('/progress.json') || others.has(key)) continue;
      const progress = await readProgress(s3, bucket, key);
      if (progress?.version === drop.version) return key.slice(0, -'progress.json'.length);
      if (progress) others.add(key);
    }
    if (!isReported && clock.now() >= quietAtMs) {
      onQuiet();
      isReported = true;
    }
    await clock.sleep(lookEveryMs);
  }
}

async function readProgress(s3: S3Client, bucket: string, key: string): Promise<ImportProgress | undefined> {
  const stored = await readText(s3, { bucket, key });
  return stored && JSON.parse(stored.text);
}
