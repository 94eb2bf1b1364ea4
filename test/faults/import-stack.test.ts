import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LocalStackOptions, startLocalStack } from '../../cli/local-stack.ts';
import { packageFunctions } from '../../deploy/package.ts';
import type { Stack } from '../../emulator/stack/stack.ts';
import { listObjects, readText } from '../../lib/aws/s3.ts';
import type { ImportSummary } from '../../lib/file-import/report/summary.ts';
import { loadData, loadSchema } from '../lib/file-import/load-table.ts';
import { until } from '../until.ts';

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
let dataFolder: string;
let packaged: NonNullable<LocalStackOptions['packaged']>;
let stack: Stack;
let s3: S3Client;
let Bucket: string;

async function start(): Promise<void> {
  stack = await startLocalStack({
    dataFolder,
    packaged,
    environment: { ALLOWED_TABLES: 'imp_load,imp_user,imp_computer' },
    instance: { schema: loadSchema, data: loadData, switches: { transformDelayMs: 0 } },
  });
  s3 = new S3Client({ ...local, endpoint: stack.s3.url });
  Bucket = stack.endpoints.s3.bucket;
}

async function stop(): Promise<void> {
  s3.destroy();
  await stack.close();
}

beforeAll(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'import-stack-'));
  packaged = await packageFunctions();
  await start();
});
afterAll(async () => {
  await stop();
  await rm(dataFolder, { recursive: true, force: true });
});

const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body }));
const settings = (table: string, values: object) =>
  put(`imports/${table}/_import.json`, JSON.stringify(values));
const load = (rows: number, name: string) =>
  ['u_code,u_text', ...Array.from({ length: rows }, (_, i) => `${name}-${i},row ${i}`)].join('\n');

async function keys(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of listObjects(s3, Bucket, prefix)) found.push(key);
  return found;
}

/** The summaries of all imports of a file name, once there are so many. */
function summaries(table: string, name: string, count = 1): Promise<ImportSummary[]> {
  const look = async () => {
    const done = (await keys(`results/${table}/${name}/`)).filter((key) => key.endsWith('/summary.json'));
    if (done.length < count) throw new Error(`${done.length} of ${count} summaries of ${name}`);
    const texts = await Promise.all(done.map((key) => readText(s3, { bucket: Bucket, key })));
    return texts.map((one): ImportSummary => JSON.parse(one?.text ?? 'null'));
  };
  return until(look);
}

/** Names of the files whose rows are in the staging table, in the order of the rows, each file as often as it begins. */
function stagedRuns(): string[] {
  const names = stack.instance.state.store
    .select('imp_load', { orderBy: 't0.rowid' })
    .map((row) => (row['u_code'] ?? '').split('-')[0] ?? '');
  return names.filter((name, i) => name !== names[i - 1]);
}

const stagedOf = (name: string) =>
  stack.instance.state.store
    .select('imp_load', {})
    .flatMap((row) => (row['u_code']?.startsWith(`${name}-`) ? [row['u_code']] : []));

/** Everything in the state table. */
async function stateItems(): Promise<Record<string, unknown>[]> {
  const { endpoint, stateTable } = stack.endpoints.dynamodb;
  const dynamodb = new DynamoDBClient({ ...local, endpoint });
  const { Items = [] } = await dynamodb.send(
    new ScanCommand({ TableName: stateTable, ConsistentRead: true }),
  );
  dynamodb.destroy();
  return Items.map((item) => unmarshall(item));
}

/** How many imports hold a lease. */
async function leases(): Promise<number> {
  const running = (await stateItems()).find(({ pk }) => pk === 'import-schedule');
  return Array.isArray(running?.['leases']) ? running['leases'].length : 0;
}

/** Messages of a queue that wait or are being worked on. */
async function left(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: held } = Attributes;
  return Number(waiting) + Number(held);
}

it('goes on in further executions of the packaged function, each within its operations', async () => {
  await settings('imp_load', { rowsPerRequest: 1, operationsPerExecution: 8 });
  await put('imports/imp_load/chain.csv', load(120, 'chain'));
  const [summary] = await summaries('imp_load', 'chain');
  expect(summary).toMatchObject({ status: 'completed', executions: 3, counts: { inserted: 120 } });
  expect(new Set(stagedOf('chain')).size).toBe(120);
  expect(stagedOf('chain')).toHaveLength(120);
});

it('runs one import per staging table in the order of the drops, and loses none of those that wait to a restart', async () => {
  await settings('imp_load', { rowsPerRequest: 5, inDoubtSeconds: 1, keyColumn: 'u_key' });
  // Whichever of them the restart interrupts first reconciles what may have been sent.
  await settings('imp_user', { rowsPerRequest: 1, inDoubtSeconds: 1 });
  await settings('imp_computer', { rowsPerRequest: 1, inDoubtSeconds: 1 });
  const names = ['first', 'second', 'third'];
  for (const name of names) await put(`imports/imp_load/${name}.csv`, load(300, name));
  const users = Array.from({ length: 40 }, (_, i) => `turn.${i},Turn ${i}`);
  await put('imports/imp_user/turn.csv', ['user_id,last_name', ...users].join('\n'));
  const computers = Array.from({ length: 40 }, (_, i) => `turn-${i}`);
  await put('imports/imp_computer/turn.csv', ['name', ...computers].join('\n'));
  await until(() => expect(stagedOf('first').length).toBeGreaterThan(0));
  expect(await leases()).not.toBe(0);
  await stop();
  await start();
  let most = 0;
  const watch = setInterval(async () => {
    most = Math.max(most, await leases().catch(() => 0));
  }, 100);
  try {
    const done = (await Promise.all(names.map((name) => summaries('imp_load', name)))).flat();
    done.push(...(await summaries('imp_user', 'turn')), ...(await summaries('imp_computer', 'turn')));
    expect(done.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'completed'));
    for (const { counts, lines } of done) expect(counts.inserted).toBe(lines.rows);
  } finally {
    clearInterval(watch);
  }
  expect(stagedRuns().filter((name) => names.includes(name))).toEqual(names);
  for (const name of names) expect(stagedOf(name)).toHaveLength(300);
  expect(most).toBeLessThanOrEqual(2);
});

it('imports each version of an object once, however often and in whatever order its events come', async () => {
  await settings('imp_load', { rowsPerRequest: 10 });
  const Key = 'imports/imp_load/versions.csv';
  const drop = async (name: string) => {
    const { ETag, VersionId } = await put(Key, load(200, name));
    const seen = await until(async () => {
      const noted = (await stateItems()).find(({ version, sequencer }) => version === VersionId && sequencer);
      if (!noted) throw new Error('not seen yet');
      return noted;
    });
    const object = { key: Key, size: load(200, name).length, eTag: ETag, versionId: VersionId };
    return { eventTime: seen['droppedAt'], object: { ...object, sequencer: seen['sequencer'] } };
  };
  const old = await drop('old');
  const replaced = await drop('new');
  const sqs = new SQSClient({ ...local, endpoint: stack.sqs.url });
  const queue = stack.resources.queues.find(({ name }) => name === 'ImportQueue');
  const QueueUrl = queue?.url ?? '';
  for (const { eventTime, object } of [replaced, old, replaced, old, old]) {
    const record = {
      eventName: 'ObjectCreated:Put',
      eventTime,
      s3: { bucket: { name: Bucket }, object },
    };
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ Records: [record] }) }));
  }
  const both = await summaries('imp_load', 'versions', 2);
  expect(both.map(({ counts }) => counts.inserted)).toEqual([200, 200]);
  await until(async () => expect(await left(sqs, QueueUrl)).toBe(0));
  sqs.destroy();
  expect(stagedOf('old')).toHaveLength(200);
  expect(stagedOf('new')).toHaveLength(200);
  expect(
    (await keys('results/imp_load/versions/')).filter((key) => key.endsWith('/summary.json')),
  ).toHaveLength(2);
});

it('hands a table over from one drop to the next at once', async () => {
  await settings('imp_load', {});
  const count = Number(process.env['HANDOVERS'] ?? 15);
  const each = (names: readonly string[]) => secondsOf(names).then((seconds) => seconds / names.length);
  const oneImport = async (name: string) => {
    const alone: number[] = [];
    for (const part of ['a', 'b', 'c']) alone.push(await each([`${name}-${part}`]));
    return alone.toSorted((one, other) => one - other)[1] ?? 0;
  };
  const before = await oneImport('before');
  const handedOver = await each(Array.from({ length: count }, (_, i) => `quick${i}`));
  const alone = Math.max(before, await oneImport('after'));
  process.stdout.write(
    `${count} drops of one table: ${handedOver.toFixed(2)} s each, one alone ${alone.toFixed(2)} s\n`,
  );
  // Two seconds is what was promised; a machine that is busy, or becomes so, takes longer for one import, too.
  expect(handedOver).toBeLessThan(Math.max(2, 2 * alone));

  async function secondsOf(names: readonly string[]): Promise<number> {
    const startMs = performance.now();
    await Promise.all(names.map((name) => put(`imports/imp_load/handover/${name}.csv`, load(1, name))));
    await until(async () => {
      const done = (await keys('results/imp_load/handover/')).filter((key) => key.endsWith('/summary.json'));
      expect(names.filter((name) => !done.some((key) => key.includes(`/${name}/`)))).toEqual([]);
    });
    return (performance.now() - startMs) / 1000;
  }
}, 900_000);
