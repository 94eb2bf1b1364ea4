import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { endpoints, uniqueWord } from './running-stack.ts';

/** `npm run import` against the running stack: exit code and what it said. An option that is given twice counts as it is given last. */
function importFile(file: string, ...more: readonly string[]): Promise<{ code: number; text: string }> {
  const { endpoint, bucket } = endpoints.s3;
  const args = [
    'cli/main.ts',
    'import',
    file,
    '--table',
    'imp_user',
    '--bucket',
    bucket,
    '--endpoint',
    endpoint,
    ...more,
  ];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: stdout + stderr });
    });
  });
}

it.each([
  ['0 when every line arrived', 'Last', 0, /completed: 1 row in.*inserted {2}1\n/s],
  [
    '1 when a line did not',
    'Last,too many',
    1,
    /completed: 1 row in.*rejected {2}1\n.*line 2.*rejected\.csv/s,
  ],
])(
  'exits %s, shows how far it is without a terminal, and says where the results are',
  async (_, values, code, said) => {
    const word = uniqueWord();
    const folder = await mkdtemp(join(tmpdir(), 'import-command-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, `${word}.csv`);
    await writeFile(file, `user_id,last_name\n${word},${values}\n`);
    const ran = await importFile(file);
    expect(ran.text).toMatch(said);
    expect(ran.text).toContain(`results/imp_user/${word}/`);
    expect(ran.text).not.toContain('\u001B');
    expect(ran.code).toBe(code);
  },
);

it('puts settings into the folder of the table first, and says when others count', async () => {
  const word = uniqueWord();
  const folder = await mkdtemp(join(tmpdir(), 'import-command-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  // A folder that no other test drops files into: the settings count for all of them.
  const importFromOwnFolder = (...more: string[]) => importFile(file, '--table', 'Imp_User', ...more);
  const file = join(folder, `${word}.csv`);
  const settings = join(folder, '_import.json');
  await writeFile(file, `Personnel number,last_name\n${word},Last\n`);
  await writeFile(settings, '{ "columns": { "Personnel number": "user_id" } }');
  const ran = await importFromOwnFolder('--settings', settings);
  expect(ran.text).toMatch(/completed: 1 row in.*inserted {2}1\n/s);
  await writeFile(settings, '{ "maxErrors": 1 }');
  expect((await importFromOwnFolder()).text).toContain('The _import.json next to the file is not the one in');
  const wrong = join(folder, 'wrong.json');
  await writeFile(wrong, '{ "colums": {} }');
  const refused = await importFromOwnFolder('--settings', wrong);
  expect(refused.code).toBe(1);
  expect(refused.text).toContain('colums');
  expect(refused.text).not.toContain('Uploaded');
});
