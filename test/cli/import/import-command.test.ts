import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { endpointUrl, importDestination } from '../../../cli/import/destination.ts';
import { startS3 } from '../../../emulator/aws/s3/s3.ts';
import { createS3Client } from '../../../lib/aws/s3.ts';
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

it('prints the summary alone with --json', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'import-command-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const storage = await startS3({ folder });
  onTestFinished(() => storage.close());
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const s3 = createS3Client({ region: 'us-east-1', endpoint: storage.url, credentials });
  await s3.send(new CreateBucketCommand({ Bucket: 'drops' }));
  const summary = {
    status: 'completed',
    lines: { rows: 2 },
    counts: { inserted: 2 },
    seconds: { total: 1, waiting: 0 },
  };
  const run = 'results/imp_user/people.csv/run-1/';
  const Body = JSON.stringify(summary);
  await s3.send(new PutObjectCommand({ Bucket: 'drops', Key: `${run}summary.json`, Body }));
  s3.destroy();
  const place = ['--bucket', 'drops', '--endpoint', storage.url];
  const { out } = await runCommand(['import', '--follow', run, ...place, '--json']);
  expect(JSON.parse(out)).toEqual(summary);
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
  [['a.csv', '--table', ' '], 'It must not be empty'],
  [['a.csv', '--tabel', 't'], "unknown option '--tabel'\n(Did you mean --table?)"],
])('names what is wrong with the arguments: %j', async (args, message) => {
  const { code, text } = await importCommand(...args);
  expect(code).toBe(2);
  expect(text).toContain(message);
  expect(text).toContain('people.csv --table imp_user');
});
