import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { demoPeople, EXPECTED } from './demo-people.ts';
import { type ProgressView, showProgress } from './progress-view.ts';
import { expectSame, type Scene, until } from './scene.ts';

const Progress = z.looseObject({ rows: z.number(), phase: z.string() });
const Counts = z.record(z.string(), z.number());
const Summary = z.looseObject({ status: z.string(), counts: Counts });

/** Drops 1,000 people as CSV, three of them bad, and follows the import to its verdicts. */
export async function importCsv(scene: Scene): Promise<void> {
  const { endpoints, instance, say } = scene;
  const { file, rows } = demoPeople();
  const before = await instance.count('sys_user');
  say(
    `3. S3: ${rows.toLocaleString('en')} rows, three of them invalid, to ${endpoints.s3.bucket}/imports/imp_user/people.csv`,
  );
  await put(scene, 'imports/imp_user/people.csv', file);
  const progress = showProgress(rows, say);
  const folder = await follow(scene, progress).finally(() => progress.stop());
  const summary = Summary.parse(JSON.parse((await read(scene, `${folder}summary.json`)) ?? ''));
  expectSame('verdicts', summary.counts, EXPECTED.counts);
  expectSame(
    'new users on the instance',
    (await instance.count('sys_user')) - before,
    EXPECTED.counts.inserted,
  );
  const { inserted, rejected, error } = EXPECTED.counts;
  say(
    `   ${inserted} users created; ${rejected} lines rejected before sending, ${error} refused by the instance:`,
  );
  for (const line of await badLines(scene, folder)) say(`     ${line}`);
  say(`   report: ${await keep(scene, folder, 'report.html')}`);
  say(`   verdict of every line: ${await keep(scene, folder, 'results.csv')}`);
}

/** @returns the folder of the results, once the summary is there */
async function follow(scene: Scene, progress: ProgressView): Promise<string> {
  const folder = await until('the import', () => resultsFolder(scene));
  await until('the end of the import', async () => {
    const text = await read(scene, `${folder}progress.json`);
    if (text !== undefined) progress.at(Progress.parse(JSON.parse(text)).rows);
    return read(scene, `${folder}summary.json`);
  });
  return folder;
}

async function resultsFolder({ s3, endpoints }: Scene): Promise<string | undefined> {
  const ask = { Bucket: endpoints.s3.bucket, Prefix: 'results/imp_user/people/' };
  const key = (await s3.send(new ListObjectsV2Command(ask))).Contents?.[0]?.Key;
  return key?.slice(0, key.lastIndexOf('/') + 1);
}

/** The lines of `results.csv` whose outcome is bad: line, outcome and message. */
async function badLines(scene: Scene, folder: string): Promise<string[]> {
  const results = (await read(scene, `${folder}results.csv`)) ?? '';
  const bad = results.split('\n').filter((line) => /^\d+,(rejected|error),/.test(line));
  expectSame(
    'lines with a bad outcome',
    bad.map((line) => Number(line.split(',')[0])),
    EXPECTED.badLines,
  );
  return bad.map((line) =>
    line.replace(/^(\d+),(\w+),[^,]*,[^,]*,[^,]*,(.*),[^,]*,[^,]*$/, 'line $1, $2: $3').trim(),
  );
}

/** @returns the file's path on this machine, since the bucket is deleted with the demo */
async function keep(scene: Scene, folder: string, name: string): Promise<string> {
  const file = join(scene.keepFolder, name);
  await mkdir(scene.keepFolder, { recursive: true });
  await writeFile(file, (await read(scene, folder + name)) ?? '');
  return file;
}

async function put({ s3, endpoints }: Scene, Key: string, Body: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: endpoints.s3.bucket, Key, Body, ContentType: 'text/csv' }));
}

async function read({ s3, endpoints }: Scene, Key: string): Promise<string | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: endpoints.s3.bucket, Key }));
    return await Body?.transformToString();
  } catch (error) {
    if (error instanceof Error && error.name === 'NoSuchKey') return undefined;
    throw error;
  }
}
