import type { S3Client } from '@aws-sdk/client-s3';
import { listObjects, readText } from '../../lib/aws/s3.ts';
import type { Clock } from '../../lib/core/clock.ts';
import type { ImportProgress } from '../../lib/file-import/report/progress.ts';
import type { ImportSummary } from '../../lib/file-import/report/summary.ts';
import type { UploadedDrop } from './upload-drop.ts';

const lookEveryMs = 500;
/** An import that is to wait for others says so at once; one that says nothing for so long was not started. */
const quietMs = 60_000;

/**
 * Reads the progress of an import over and over until its summary is there. `onProgress` is told what is new, `onQuiet`
 * once when nothing is heard of it at all.
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
  let isTold = false;
  for (;;) {
    for await (const { key } of listObjects(s3, bucket, drop.resultsPrefix)) {
      if (!key.endsWith('/progress.json') || others.has(key)) continue;
      const progress = await readProgress(s3, bucket, key);
      if (progress?.version === drop.version) return key.slice(0, -'progress.json'.length);
      if (progress) others.add(key);
    }
    if (!isTold && clock.now() >= quietAtMs) {
      onQuiet();
      isTold = true;
    }
    await clock.sleep(lookEveryMs);
  }
}

async function readProgress(s3: S3Client, bucket: string, key: string): Promise<ImportProgress | undefined> {
  const stored = await readText(s3, { bucket, key });
  return stored && JSON.parse(stored.text);
}
