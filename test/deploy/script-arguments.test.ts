import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const scripts = [
  'deploy/write-openapi.ts',
  'deploy/write-json-schemas.ts',
  'deploy/build.ts',
  'test/newcomer/run.ts',
  'test/bench/run.ts',
];

const run = (script: string, ...words: readonly string[]) =>
  spawnSync(process.execPath, [script, ...words], { encoding: 'utf8', timeout: 60_000 });

it.each(scripts)('%s explains itself with --help, and does nothing else', (script) => {
  const { status, stdout, stderr } = run(script, '--help');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^npm run [\w-]+/);
});

it.each(scripts)('%s refuses what it does not know with its usage', (script) => {
  const { status, stdout, stderr } = run(script, '--rows', 'abc');
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^--rows: is not known\n\nnpm run [\w-]+/);
});

it.each([
  [['--help'], 0, /^npm run test:mutation/],
  [['--rows', 'abc'], 2, /--rows.*\n\nnpm run test:mutation/],
  [['--sample', 'abc'], 2, /^--sample: must be a whole number from 1\n\nnpm run test:mutation/],
  [['--limit', '0'], 2, /^--limit: must be a whole number from 1\n/],
  [['gateway'], 2, /^gateway: is not one of core, servicenow, record-queue\n/],
])('the mutation script called with %j changes nothing and exits %i', (words, exitCode, text) => {
  const { status, stdout, stderr } = run('test/mutation/run.ts', ...words);
  expect([status, stdout + stderr]).toEqual([exitCode, expect.stringMatching(text)]);
});
