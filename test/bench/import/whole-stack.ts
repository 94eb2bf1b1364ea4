import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startLocalStack } from '../../../cli/local-stack.ts';
import type { Stack } from '../../../emulator/stack/stack.ts';
import { listObjects, readText } from '../../../lib/aws/s3.ts';
import { writeStream } from '../../../lib/aws/s3-upload.ts';
import { tallied } from '../../../lib/file-import/load/row-outcome.ts';
import type { ImportSummary } from '../../../lib/file-import/report/summary.ts';
import { loadData, loadSchema } from '../../lib/file-import/load-table.ts';
import { type Row, round } from '../report.ts';
import { filePieces, plainLine } from './files.ts';

const maxMegabytes = 256;
const longestWaitMs = 3_600_000;

/**
 * A generated file dropped into the bucket of the whole stack: S3 event, queue, packaged functions in real runtime
 * processes under the durable engine, an instance that only counts rows, until its summary is there.
 */
export async function throughWholeStack(isFull: boolean): Promise<Row[]> {
  const bytes = isFull ? 1e9 : 1e7;
  const rows = Math.ceil(bytes / (plainLine(1_000_000).length + 1));
  const dataFolder = await mkdtemp(join(tmpdir(), 'bench-stack-'));
  const switches = { sinkStagingTables: ['*'], sinkKeepsRows: false };
  const instance = { schema: loadSchema, data: loadData, demoData: false, switches };
  const stack = await startLocalStack({ dataFolder, environment: { ALLOWED_TABLES: 'imp_load' }, instance });
  try {
    const { seconds, megabytes, summary } = await importThrough(stack, rows);
    const isComplete = summary.status === 'completed' && tallied(summary.counts) === rows;
    const memory = megabytes === 0 ? '' : `, peak memory of its process ${round(megabytes)} MB`;
    return [
      {
        what: `drop to summary through the whole stack, ${round(bytes / 1e6)} MB, ${rows} rows${memory}`,
        measured: `${round(seconds)} s`,
        limit: `a verdict a line, ≤ ${maxMegabytes} MB for 1 GB`,
        ok: isComplete && megabytes <= maxMegabytes,
      },
    ];
  } finally {
    await stack.close();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

async function importThrough(stack: Stack, rows: number) {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const s3 = new S3Client({ region: 'us-east-1', endpoint: stack.s3.url, credentials });
  const { bucket } = stack.endpoints.s3;
  const Key = 'imports/imp_load/_import.json';
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: '{"rowsPerRequest":500}' }));
  await writeStream(
    s3,
    { bucket, key: 'imports/imp_load/large.csv' },
    filePieces(rows, plainLine),
    'text/csv',
  );
  const startMs = performance.now();
  let megabytes = 0;
  for (; performance.now() - startMs < longestWaitMs; await delay(250)) {
    megabytes = Math.max(megabytes, await peakMegabytes(stack));
    const summary = await findSummary(s3, bucket);
    if (!summary) continue;
    s3.destroy();
    return { seconds: (performance.now() - startMs) / 1000, megabytes, summary };
  }
  throw new Error(`no summary after ${longestWaitMs} ms`);
}

async function findSummary(s3: S3Client, bucket: string): Promise<ImportSummary | undefined> {
  for await (const { key } of listObjects(s3, bucket, 'results/imp_load/')) {
    const stored = key.endsWith('/summary.json') ? await readText(s3, { bucket, key }) : undefined;
    if (stored) return JSON.parse(stored.text);
  }
  return undefined;
}

/** What the processes of importCsv ever held, by Linux's account; 0 elsewhere. */
async function peakMegabytes(stack: Stack): Promise<number> {
  const arn = stack.resources.functions.find(({ key }) => key === 'importCsv')?.arn ?? '';
  const peaks = (await stack.host.pids(arn)).map(async (pid) => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  });
  return Math.max(0, ...(await Promise.all(peaks)));
}
