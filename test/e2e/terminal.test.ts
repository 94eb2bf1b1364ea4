import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { defaultPorts } from '../../cli/start/ports.ts';
import { ctrlC, hasTerminal, leftovers, runInTerminal } from '../cli/terminal.ts';

const kebabCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const freePorts = Object.keys(defaultPorts).flatMap((name) => [`--${kebabCase(name)}`, '0']);
const cwd = resolve(import.meta.dirname, '../..');

describe.skipIf(!hasTerminal)('Ctrl-C in a terminal', { timeout: 240_000 }, () => {
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
