import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { preload } from '../../../../emulator/aws/lambda/runtime/runtime-process.ts';

const runtime = resolve(import.meta.dirname, '../../../../emulator/aws/lambda/runtime');
const hookFile = join(runtime, 'rapid-client-hook.mjs');

it('loads the hook of the runtime from a folder whose name means something in a URL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'Jürgen #1 100% ?a=b '));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const hook = join(folder, 'hook.mjs');
  writeFileSync(hook, "console.log('loaded');");
  const { stdout, stderr } = spawnSync(process.execPath, [...preload(hook), '-e', ''], { encoding: 'utf8' });
  expect([stdout, stderr]).toEqual(['loaded\n', '']);
});

it('lets the runtime client of AWS import a handler from such a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'Jürgen #1 100% ?a=b '));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const client = join(folder, 'aws-lambda-ric/index.mjs');
  mkdirSync(dirname(client));
  writeFileSync(client, `console.log((await import(${JSON.stringify(join(folder, 'handler.mjs'))})).made);`);
  writeFileSync(join(folder, 'handler.mjs'), "export const made = 'imported';");
  const { stdout, stderr } = spawnSync(process.execPath, [...preload(hookFile), client], {
    encoding: 'utf8',
  });
  expect([stdout, stderr]).toEqual(['imported\n', '']);
});
