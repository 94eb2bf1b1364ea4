import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ctrlC, hasTerminal, leftovers, runInTerminal } from '../cli/terminal.ts';
import { freePorts } from './free-ports.ts';
import { endpoints, held, uniqueWord } from './running-stack.ts';

const cwd = resolve(import.meta.dirname, '../..');

describe.skipIf(!hasTerminal)('Ctrl-C in a terminal', () => {
  async function run(...args: readonly string[]) {
    const folder = await mkdtemp(join(tmpdir(), 'terminal-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const env = { HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') };
    const words = args.map((arg) => (arg === '<folder>' ? join(folder, 'data') : arg));
    return runInTerminal(words, { cwd, env });
  }

  it('ends npm start while it packages', async () => {
    const command = await run('npm', 'start', '--', '--data-dir', '<folder>', ...freePorts);
    await command.printed('Packaging and starting');
    command.type(ctrlC);
    await command.exited;
    expect(leftovers(command.output())).toEqual([]);
    expect(command.output()).not.toMatch(/^\s+at /m);
  });

  it('ends npm start once it runs', async () => {
    const command = await run('npm', 'start', '--', '--data-dir', '<folder>', ...freePorts);
    await command.printed('Stop with Ctrl-C.');
    command.type(ctrlC);
    await command.exited;
    expect(leftovers(command.output())).toEqual([]);
    expect(command.output()).not.toMatch(/^\s+at /m);
  });

  it('ends npm run demo between its first request and its end', async () => {
    const command = await run('npm', 'run', 'demo');
    await command.printed(/INC\d+/);
    command.type(ctrlC);
    await command.exited;
    expect(leftovers(command.output())).toEqual([]);
    expect(command.output()).not.toMatch(/^\s+at /m);
  });
});

describe.skipIf(!hasTerminal)('an import in a terminal of 80 columns', { timeout: 240_000 }, () => {
  const { endpoint, bucket } = endpoints.s3;
  const at = ['--bucket', bucket, '--endpoint', endpoint];

  async function drop(rows: number) {
    const folder = await mkdtemp(join(tmpdir(), 'terminal-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const word = uniqueWord();
    const file = join(folder, `${word}.csv`);
    const lines = Array.from({ length: rows }, (_, i) => `${word}-${i},Last\n`);
    await writeFile(file, `user_id,last_name\n${lines.join('')}`);
    const env = { HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') };
    const run = (...args: readonly string[]) =>
      runInTerminal(['npm', 'run', '--silent', 'import', '--', ...args, ...at], { cwd, env });
    return { word, command: run(file, '--table', 'imp_user'), run };
  }

  /** What the bar showed, each time that it was drawn. */
  const bars = (output: string) =>
    output
      .split('\u001b[1G')
      .slice(1)
      .map((one) => stripVTControlCharacters(one.split('\u001b[0K')[0] ?? ''));

  it('shows a bar with its figures in one line, and gives the cursor back at its end', async () => {
    const { word, command } = await drop(2_000);
    expect(await command.exited).toBe(0);
    const drawn = bars(command.output());
    expect(drawn[0]).toMatch(/^waiting \[-+\] 0 % \| 0 rows \|/);
    expect(drawn.at(-1)).toMatch(/^done \[=+\] 100 % \| 2000 rows \| \d+ rows\/s \| 0 errors \| 0 s left$/);
    expect(Math.max(...drawn.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(command.output()).toMatch(/completed: 2,000 rows in.*inserted {2}2000\r\n/s);
    expect(leftovers(command.output())).toEqual([]);
    expect(await held('sys_user', `user_nameSTARTSWITH${word}`)).toHaveLength(2_000);
  });

  it('leaves the cursor whole after Ctrl-C, goes on by itself, and is found again by its key', async () => {
    const { word, command, run } = await drop(500);
    await command.printed('waiting [');
    command.type(ctrlC);
    expect(await command.exited).not.toBe(0);
    expect(leftovers(command.output())).toEqual([]);
    expect(command.output()).not.toMatch(/completed|^\s+at /m);
    const again = run('--follow', `imports/imp_user/${word}.csv`);
    expect(await again.exited).toBe(0);
    expect(again.output()).toMatch(/completed: 500 rows in.*inserted {2}500\r\n/s);
    expect(leftovers(again.output())).toEqual([]);
    expect(await held('sys_user', `user_nameSTARTSWITH${word}`)).toHaveLength(500);
  });
});
