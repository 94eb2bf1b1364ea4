import type { S3Client } from '@aws-sdk/client-s3';
import { listObjects, readText } from '../../lib/aws/s3.ts';
import type { ImportProgress, ImportSummary } from '../../lib/file-import/report/summary.ts';
import { counted } from '../counted.ts';
import { plain } from '../terminal-text.ts';
import { typed } from '../typed.ts';
import { type BucketOptions, openBucket } from './destination.ts';
import { openableAddress } from './outcome-text.ts';
import { progressLine, viewProgress } from './progress-view.ts';

type ImportsOptions = BucketOptions & {
  readonly table?: string | undefined;
  readonly prefix?: string | undefined;
  readonly limit?: number | undefined;
  readonly json?: boolean | undefined;
};

/** A run of an import; `summary` is absent until it has ended. */
export type ListedImport = {
  readonly folder: string;
  readonly progress: ImportProgress | undefined;
  readonly summary: ImportSummary | undefined;
};

/** Prints the imports of a bucket, newest first. */
export async function runImports(options: ImportsOptions): Promise<void> {
  const { s3, bucket, endpoint } = openBucket(options);
  const folders = await findFolders(
    s3,
    bucket,
    `${options.prefix ?? 'results/'}${options.table ? `${options.table}/` : ''}`,
  );
  const newest = folders.slice(0, options.limit ?? 20);
  const imports = await Promise.all(newest.map((folder) => readImport(s3, bucket, folder)));
  for (const one of imports)
    process.stdout.write(
      options.json ? `${JSON.stringify(one)}\n` : await describe(one, s3, bucket, endpoint),
    );
  if (folders.length === 0 && !options.json)
    process.stdout.write(
      `No imports in ${bucket}. Drop a file with ${typed('import', 'people.csv --table imp_user')}.\n`,
    );
  else if (folders.length > newest.length && !options.json)
    process.stdout.write(`${folders.length - newest.length} more; see them with --limit\n`);
  s3.destroy();
}

/** The folders of all runs below a prefix; their names begin with the time of the drop. */
export async function findFolders(s3: S3Client, bucket: string, prefix: string): Promise<readonly string[]> {
  const folders = new Set<string>();
  for await (const { key } of listObjects(s3, bucket, prefix)) {
    const [, folder] = /^(.*\/)(?:progress|summary)\.json$/.exec(key) ?? [];
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders].toSorted((a, b) => (runOf(a) < runOf(b) ? 1 : -1));
}

/** The imports that wait or run, in the order of their drops, and the folders of those that ended, the last first; at most so many of each. */
export async function listRuns(
  s3: S3Client,
  bucket: string,
  most: { readonly unfinished: number; readonly ended: number },
): Promise<{ readonly unfinished: readonly ListedImport[]; readonly ended: readonly string[] }> {
  const begun = new Set<string>();
  const endedAtMs = new Map<string, number>();
  for await (const { key, modifiedMs } of listObjects(s3, bucket, 'results/')) {
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    if (key.endsWith('/progress.json')) begun.add(folder);
    else if (key.endsWith('/summary.json')) endedAtMs.set(folder, modifiedMs);
  }
  const folders = [...begun]
    .filter((folder) => !endedAtMs.has(folder))
    .toSorted((a, b) => (runOf(a) < runOf(b) ? -1 : 1));
  return {
    unfinished: await Promise.all(
      folders.slice(0, most.unfinished).map((folder) => readImport(s3, bucket, folder)),
    ),
    ended: [...endedAtMs]
      .toSorted(([a, aMs], [b, bMs]) => bMs - aMs || (runOf(a) < runOf(b) ? 1 : -1))
      .slice(0, most.ended)
      .map(([folder]) => folder),
  };
}

/** The name of a run begins with the time of the drop. */
function runOf(folder: string): string {
  return folder.split('/').at(-2) ?? '';
}

/** What is known of a run. */
export async function readImport(s3: S3Client, bucket: string, folder: string): Promise<ListedImport> {
  const read = async (name: string) => {
    const stored = await readText(s3, { bucket, key: `${folder}${name}` });
    return stored && JSON.parse(stored.text);
  };
  const [progress, summary] = await Promise.all([read('progress.json'), read('summary.json')]);
  return { folder, progress, summary };
}

async function describe(
  { folder, progress, summary }: ListedImport,
  s3: S3Client,
  bucket: string,
  endpoint: string | undefined,
): Promise<string> {
  if (summary) {
    const counts = Object.entries(summary.counts).filter(([, count]) => count > 0);
    const tally = counts.map(([outcome, count]) => `${count} ${outcome}`).join(', ');
    const report = summary.results['report'] ?? `${folder}report.html`;
    return [
      `${summary.startedAt}  ${summary.source.key} → ${summary.stagingTable}`,
      `  ${summary.status}: ${counted(summary.lines.rows, 'row')}${tally ? `, ${tally}` : ''} in ${summary.seconds.total.toFixed(1)} s${summary.reason ? `; ${summary.reason}` : ''}`,
      `  ${await openableAddress(s3, bucket, report, endpoint)}`,
      '',
    ]
      .map(plain)
      .join('\n');
  }
  const [, table = '', ...name] = folder.split('/').slice(0, -2);
  const what = progress?.key ?? name.join('/');
  const line = progress ? progressLine(viewProgress(progress)) : 'not readable yet';
  return [
    `${progress?.startedAt ?? ''}  ${what} → ${table}`,
    `  ${line}`,
    `  follow it: ${typed('import', `--follow ${folder}`)}`,
    '',
  ]
    .map(plain)
    .join('\n');
}
