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
