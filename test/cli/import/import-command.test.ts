import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { endpointUrl, importDestination } from '../../../cli/import/destination.ts';
import { startS3 } from '../../../emulator/aws/s3/s3.ts';
import { createS3Client, headObject } from '../../../lib/aws/s3.ts';
import { runCommand } from '../run-command.ts';

/** Runs `npm run import` with these arguments: exit code and what it said. */
const importCommand = (...args: string[]) => command('import', ...args);

function command(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, XDG_CACHE_HOME: '/nonexistent' };
    execFile(process.execPath, ['cli/main.ts', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: stdout + stderr });
    });
  });
}

async function file(name: string, body = 'user_id\na\n'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'import-command-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, name);
  await writeFile(path, body);
  return path;
}

it('says that a file is not there', async () => {
  const { code, text } = await importCommand('nowhere.csv', '--table', 'imp_user');
  expect({ code, text }).toEqual({
    code: 1,
    text: 'nowhere.csv: no such file\n',
  });
});

it('says which files are imports when one is none', async () => {
  const { code, text } = await importCommand(await file('notes.txt'), '--table', 'imp_user');
  expect(code).toBe(1);
  expect(text).toContain('the file name must end in .csv, .tsv or .jsonl');
});

it('refuses an empty file, for which S3 sends no event, and an impossible table name', async () => {
  const empty = await importCommand(await file('empty.csv', ''), '--table', 'imp_user');
  expect(empty).toEqual({ code: 1, text: 'file: empty.csv is empty\n' });
  const strange = await importCommand(await file('people.csv'), '--table', 'imp/user');
  expect(strange).toEqual({ code: 1, text: 'table: "imp/user" is not a table name\n' });
});

it('takes an endpoint without a scheme', () => {
  expect(endpointUrl('localhost:4603')).toBe('http://localhost:4603');
});

it('finds the bucket at localhost, whose subdomains are no addresses everywhere', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'import-command-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const storage = await startS3({ folder });
  onTestFinished(() => storage.close());
  const { port } = new URL(storage.url);
  const s3 = createS3Client({
    region: 'us-east-1',
    endpoint: storage.url,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await s3.send(new CreateBucketCommand({ Bucket: 'drops' }));
  s3.destroy();
  const listed = await command('imports', '--bucket', 'drops', '--endpoint', `localhost:${port}`);
  expect(listed).toEqual({ code: 0, text: expect.stringMatching(/^No imports in drops\./) });
});

/** A bucket with these objects. @returns how `import --follow` finds it */
async function bucketOf(objects: Readonly<Record<string, object>>) {
  const folder = await mkdtemp(join(tmpdir(), 'import-command-'));
  const storage = await startS3({ folder });
  onTestFinished(async () => {
    await storage.close();
    await rm(folder, { recursive: true });
  });
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const s3 = createS3Client({ region: 'us-east-1', endpoint: storage.url, credentials });
  await s3.send(new CreateBucketCommand({ Bucket: 'drops' }));
  for (const [Key, body] of Object.entries(objects))
    await s3.send(new PutObjectCommand({ Bucket: 'drops', Key, Body: JSON.stringify(body) }));
  const follow = (key: string) =>
    runCommand(['import', '--follow', key, '--bucket', 'drops', '--endpoint', storage.url, '--json']);
  const imports = () => runCommand(['imports', '--bucket', 'drops', '--endpoint', storage.url]);
  return { s3, follow, imports };
}

const summaryOf = (reason: string) => ({
  status: 'completed',
  reason,
  lines: { rows: 2 },
  counts: { inserted: 2 },
  seconds: { total: 1, waiting: 0 },
});

it('follows the run of a folder, the newest one of a name, and says when there is none', async () => {
  const name = 'results/imp_user/people/';
  const { follow } = await bucketOf({
    [`${name}2026-01/summary.json`]: summaryOf('first'),
    [`${name}2026-02/summary.json`]: summaryOf('second'),
    'results/imp_user/people/more/2026-03/summary.json': summaryOf('of another file'),
    'imports/own/_import.json': { resultsPrefix: 'results/mine/' },
    'results/mine/own/people/2026-01/summary.json': summaryOf('own prefix'),
  });
  const [one, newest, gone, own, ownFolder, none] = await Promise.all(
    [`${name}2026-01/`, 'results/imp_user/people/2026-02', 'imp_user/people.csv', 'imports/own/people.csv']
      .concat('results/mine/own/people', 'results/imp_user/nope.csv/x/')
      .map((key) => follow(key)),
  );
  expect(JSON.parse(one?.out ?? '')).toEqual(summaryOf('first'));
  const reasons = [newest, gone, own, ownFolder].map((ran) => JSON.parse(ran?.out || ran?.err || '').reason);
  expect(reasons).toEqual(['second', 'second', 'own prefix', 'own prefix']);
  expect(none).toMatchObject({
    code: 1,
    err: expect.stringMatching(/no import of this key was found in drops\n$/),
  });
});

it('distinguishes files that differ in their ending alone, also once they are gone', async () => {
  const runs = 'results/imp_user/people/';
  const of = (key: string, reason: string) => ({
    ...summaryOf(reason),
    source: { key: `imports/imp_user/${key}` },
  });
  const { follow, imports } = await bucketOf({
    [`${runs}2026-01/summary.json`]: of('people.csv', 'of the CSV'),
    [`${runs}2026-02/summary.json`]: of('people.tsv', 'of the TSV'),
    [`${runs}2026-03/progress.json`]: {
      key: 'imports/imp_user/people.jsonl',
      phase: 'waiting',
      bytes: { read: 0, total: 0 },
      counts: {},
    },
  });
  for (const name of ['csv', 'tsv']) {
    const { out } = await follow(`imports/imp_user/people.${name}`);
    expect(JSON.parse(out)).toMatchObject({ reason: `of the ${name.toUpperCase()}` });
  }
  expect((await follow('imports/imp_user/people.csv.gz')).err).toMatch(/no import of this key was found/);
  expect((await imports()).out).toContain('imports/imp_user/people.jsonl → imp_user');
});

it('waits for the import of a file that was dropped again, and does not show the run before', async () => {
  const runs = 'results/imp_user/people/';
  const { s3, follow } = await bucketOf({
    'imports/imp_user/people.csv': { dropped: 'again' },
    [`${runs}2026-01/progress.json`]: { version: 'of the first drop', phase: 'done' },
    [`${runs}2026-01/summary.json`]: summaryOf('first'),
  });
  const head = await headObject(s3, { bucket: 'drops', key: 'imports/imp_user/people.csv' });
  const version = head?.versionId ?? head?.eTag;
  const following = follow('imports/imp_user/people.csv');
  const put = (Key: string, body: object) =>
    s3.send(new PutObjectCommand({ Bucket: 'drops', Key, Body: JSON.stringify(body) }));
  await put(`${runs}2026-02/summary.json`, summaryOf('second'));
  await put(`${runs}2026-02/progress.json`, { version, phase: 'done' });
  expect(JSON.parse((await following).out)).toEqual(summaryOf('second'));
});

it.each([
  ['localhost', '--endpoint is not a URL'],
  ['ftp://127.0.0.1:21', '--endpoint is not a URL'],
  ['http://127.0.0.1:4603/bucket', 'host and port alone'],
])('refuses the endpoint %s', (endpoint, message) => {
  expect(() => endpointUrl(endpoint)).toThrow(message);
});

it('uploads to the bucket that is named by option or environment', () => {
  const named = { bucket: 'b', endpoint: undefined };
  expect(importDestination({ bucket: 'b' }, {})).toEqual(named);
  expect(importDestination({}, { IMPORT_BUCKET: 'b' })).toEqual(named);
});

it('says how to start the stack when none is running', async () => {
  const { code, text } = await importCommand(
    await file('people.csv'),
    '--table',
    'imp_user',
    '--endpoint',
    'http://127.0.0.1:9',
  );
  expect(code).toBe(1);
  expect(text).toContain('Is the local stack running? Start it with npm start');
});

it.each([
  [[], '<file> is missing'],
  [['people.csv'], '--table <name> is missing'],
  [['a.csv', 'b.csv', '--table', 't'], 'too many arguments'],
  [['a.csv', '--table', 't', '--dry-run', '--suggest'], 'cannot be given together'],
  [['a.csv', '--table', 't', '--dry-run', '--json'], '--json cannot be given together'],
  [['a.csv', '--follow', 'imports/t/a.csv'], '--follow takes no file'],
  [['--follow', 'imports/t/a.csv', '--settings', 's.json'], '--follow takes no --settings'],
  [['a.csv', '--table', ' '], 'It must not be empty'],
  [['a.csv', '--tabel', 't'], "unknown option '--tabel'\n(Did you mean --table?)"],
])('names what is wrong with the arguments: %j', async (args, message) => {
  const { code, text } = await importCommand(...args);
  expect(code).toBe(2);
  expect(text).toContain(message);
  expect(text).toContain('people.csv --table imp_user');
});
