import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readArguments } from '../../../cli/import/arguments.ts';
import { announceStack, findRunningStack } from '../../../cli/start/running-stack.ts';

/** Runs `npm run import` with these arguments: exit code and what it said. */
function importCommand(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['cli/import.ts', ...args], (error, stdout, stderr) => {
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
    text: 'nowhere.csv: no such file, or it cannot be read\n',
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
  const read = readArguments(['a.csv', '--table', 't', '--endpoint', 'localhost:4603'], {}, () => undefined);
  expect(read).toMatchObject({ endpoint: 'http://localhost:4603' });
});

it('takes the stack that the caller started, and no other', () => {
  const own = { pid: 1, endpoint: 'http://127.0.0.1:5003', bucket: 'own' };
  expect(readArguments(['a.csv', '--table', 't'], {}, () => own)).toMatchObject({
    endpoint: own.endpoint,
    bucket: own.bucket,
  });
  const none = readArguments(['a.csv', '--table', 't'], {}, () => undefined);
  expect(none).toMatchObject({ bucket: undefined, endpoint: undefined });
  const named = readArguments(['a.csv', '--table', 't', '--bucket', 'b'], {}, () => own);
  expect(named).toMatchObject({ bucket: 'b', endpoint: undefined });
});

it('finds the stack of a project as long as it runs', () => {
  const before = process.env['XDG_CACHE_HOME'];
  process.env['XDG_CACHE_HOME'] = mkdtempSync(join(tmpdir(), 'cache-'));
  onTestFinished(() => {
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
  });
  const stack = { pid: process.pid, endpoint: 'http://127.0.0.1:5003', bucket: 'own' };
  const announced = announceStack('/project', stack);
  expect(findRunningStack('/project')).toEqual(stack);
  expect(findRunningStack('/another')).toBeUndefined();
  announced.withdraw();
  expect(findRunningStack('/project')).toBeUndefined();
  announceStack('/project', { ...stack, pid: 2 ** 30 });
  expect(findRunningStack('/project')).toBeUndefined();
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
  expect(text).toContain('Start the local stack with npm start');
});

it.each([
  [[], 'Which file?'],
  [['people.csv'], '--table is missing'],
  [['a.csv', 'b.csv', '--table', 't'], 'One file at a time'],
  [['a.csv', '--table', 't', '--endpoint', 'localhost'], '--endpoint is not a URL'],
  [['a.csv', '--table', 't', '--endpoint', 'ftp://127.0.0.1:21'], '--endpoint is not a URL'],
  [['a.csv', '--table', 't', '--endpoint', 'http://127.0.0.1:4603/bucket'], 'host and port alone'],
])('names what is wrong with the arguments: %j', async (args, message) => {
  const { code, text } = await importCommand(...args);
  expect(code).toBe(1);
  expect(text).toContain(message);
});
