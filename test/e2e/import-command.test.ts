import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { endpoints, uniqueWord } from './running-stack.ts';

/** `npm run import` against the running stack: exit code and what it said. */
function importFile(file: string): Promise<{ code: number; text: string }> {
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
  ];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: stdout + stderr });
    });
  });
}

it.each([
  ['0 when every line arrived', 'Last', 0, /completed: 1 rows.*inserted {2}1\n/s],
  ['1 when a line did not', 'Last,too many', 1, /completed: 1 rows.*rejected {2}1\n.*line 2.*rejected\.csv/s],
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
