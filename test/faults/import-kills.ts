import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { packageFunctions } from '../../deploy/package.ts';
import { seededRandom } from '../../emulator/instance/control/seeded-random.ts';
import type { Stack, StackOptions } from '../../emulator/stack/stack.ts';
import { listObjects, readText } from '../../lib/aws/s3.ts';
import { tallied } from '../../lib/file-import/load/row-outcome.ts';
import type { ImportSummary } from '../../lib/file-import/report/summary.ts';
import { loadData, loadSchema } from '../lib/file-import/load-table.ts';
import { SecrecyWatch } from '../secrecy/watch.ts';
import { seeDataFolder, startWatchedStack } from '../secrecy/watched-stack.ts';

export type KillOptions = {
  readonly seed: number;
  readonly rows: number;
  /** Deaths of the function's process. */
  readonly kills: number;
  /** Deaths of everything but the instance's rows, with a new start on the same folder. */
  readonly restarts: number;
  readonly longestWaitMs: number;
};

/** What came of it; `wrong` is empty when all is well. */
export type KillReport = {
  readonly summary: ImportSummary;
  readonly kills: number;
  readonly wrong: readonly string[];
};

type Running = { stack: Stack; s3: S3Client };

/** Imports a file through the packaged functions in real runtime processes, which die again and again on the way. */
export async function runThroughKills(options: KillOptions): Promise<KillReport> {
  const random = seededRandom(options.seed);
  const dataFolder = await mkdtemp(join(tmpdir(), 'import-kills-'));
  const packaged = await packageFunctions();
  const watch = new SecrecyWatch();
  const contents = watch.content('row');
  const start = () =>
    startOn(watch, {
      dataFolder,
      packaged,
      environment: { ALLOWED_TABLES: 'imp_load' },
      instance: { schema: loadSchema, data: loadData },
    });
  let running = await start();
  try {
    const bad = await drop(running, options, random, contents);
    let kills = 0;
    for (let n = 0; n < options.kills + options.restarts; n++) {
      if (!(await awaitProcess(running))) break;
      await delay(random() * 300);
      if (n % 2 === 1 && n / 2 < options.restarts) {
        await stop(running);
        running = await start();
      } else kills += await killImport(running);
    }
    const summary = await awaitSummary(running, options.longestWaitMs);
    const wrong = await check(running, options, bad, summary);
    await stop(running);
    await seeDataFolder(watch, dataFolder);
    return { summary, kills, wrong: [...wrong, ...watch.leaks()] };
  } finally {
    await stop(running);
    await rm(dataFolder, { recursive: true, force: true });
  }
}

async function startOn(watch: SecrecyWatch, options: StackOptions): Promise<Running> {
  const stack = await startWatchedStack(options, watch, 'api-key');
  const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  return { stack, s3: new S3Client({ ...local, endpoint: stack.s3.url }) };
}

async function stop({ stack, s3 }: Running): Promise<void> {
  s3.destroy();
  await stack.close();
}

async function drop(
  { stack, s3 }: Running,
  { seed, rows }: KillOptions,
  random: () => number,
  contents: string,
): Promise<number> {
  const Bucket = stack.endpoints.s3.bucket;
  const settings = JSON.stringify({ keyColumn: 'u_key', rowsPerRequest: 50, inDoubtSeconds: 1 });
  await s3.send(new PutObjectCommand({ Bucket, Key: 'imports/imp_load/_import.json', Body: settings }));
  let bad = 0;
  const lines = Array.from({ length: rows }, (_, i) => {
    const isBad = random() < 0.01;
    if (isBad) bad++;
    return isBad ? `${seed}-${i}` : `${seed}-${i},${i} ${contents}`;
  });
  const Body = ['u_code,u_text', ...lines].join('\n');
  await s3.send(new PutObjectCommand({ Bucket, Key: 'imports/imp_load/kills.csv', Body }));
  return bad;
}

/** Waits until the function runs, so that a kill never comes too early. @returns false when the import has ended before */
async function awaitProcess(running: Running): Promise<boolean> {
  for (;;) {
    if (await findSummary(running)) return false;
    if ((await importPids(running)).length > 0) return true;
    await delay(20);
  }
}

function importPids({ stack }: Running): Promise<readonly number[]> {
  return stack.host.pids(stack.resources.functions.find(({ key }) => key === 'importCsv')?.arn ?? '');
}

async function killImport(running: Running): Promise<number> {
  const pids = await importPids(running);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  return pids.length;
}

async function findSummary({ stack, s3 }: Running): Promise<ImportSummary | undefined> {
  const { bucket } = stack.endpoints.s3;
  for await (const { key } of listObjects(s3, bucket, 'results/imp_load/')) {
    if (!key.endsWith('/summary.json')) continue;
    return JSON.parse((await readText(s3, { bucket, key }))?.text ?? 'null');
  }
  return undefined;
}

async function awaitSummary(running: Running, longestWaitMs: number): Promise<ImportSummary> {
  for (const until = Date.now() + longestWaitMs; Date.now() < until; await delay(200)) {
    const summary = await findSummary(running);
    if (summary) return summary;
  }
  throw new Error(`no summary after ${longestWaitMs} ms`);
}

async function check(
  { stack, s3 }: Running,
  { rows, seed }: KillOptions,
  bad: number,
  summary: ImportSummary,
): Promise<string[]> {
  const wrong: string[] = [];
  const { counts, lines, status, reason } = summary;
  if (status !== 'completed') wrong.push(`${status}: ${reason}`);
  if (lines.rows !== rows || tallied(counts) !== rows)
    wrong.push(`${tallied(counts)} verdicts on ${lines.rows} lines`);
  if (counts.rejected !== bad) wrong.push(`${counts.rejected} rejected instead of ${bad}`);
  if (counts.unknown > 0) wrong.push(`${counts.unknown} unknown`);
  const staged = stack.instance.state.store
    .select('imp_load', {})
    .flatMap((row) => (row['u_code']?.startsWith(`${seed}-`) ? [row['u_code']] : []));
  if (new Set(staged).size !== rows - bad) wrong.push(`${new Set(staged).size} rows staged`);
  if (staged.length !== rows - bad) wrong.push(`${staged.length - new Set(staged).size} rows staged twice`);
  const text = await readText(s3, {
    bucket: stack.endpoints.s3.bucket,
    key: summary.results['results'] ?? '',
  });
  const listed = (text?.text ?? '').trimEnd().split('\r\n').slice(1);
  if (new Set(listed.map((row) => row.split(',')[0])).size !== rows)
    wrong.push('results.csv does not name every line');
  return wrong;
}
