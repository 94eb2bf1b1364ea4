import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../until.ts';

const project = resolve(import.meta.dirname, '../..');
const isLinux = process.platform === 'linux';

/** One that has ended and waits for its new parent to notice counts as gone. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && stat.split(') ')[1]?.[0] !== 'Z';
}

it.runIf(isLinux)('ends what npm runs when npm is killed, although its shell is still there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'npm-gone-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'stays.js');
  await writeFile(file, 'console.log(process.pid); setInterval(() => {}, 1_000);');
  const npm = spawn('npm', ['run', '--silent', 'node', '--', file], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: npm.stdout }), 'line');
  const pid = Number(line);
  onTestFinished(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  });
  expect(await isAlive(pid)).toBe(true);
  npm.kill('SIGKILL');
  await until(async () => expect(await isAlive(pid)).toBe(false));
});

it.runIf(existsSync('/bin/bash'))(
  'stays when the shell ends that npm was started in the background of',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'npm-gone-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'stays.js');
    await writeFile(file, 'console.log(process.pid); setInterval(() => console.log("alive"), 100);');
    // `read` ends with the input of the shell. npm's own shell becomes node.
    const background = 'npm run --silent --script-shell=/bin/bash node -- "$0" & read line';
    const shell = spawn('/bin/sh', ['-c', background, file], {
      cwd: project,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let pid = 0;
    let lines = 0;
    for await (const line of createInterface({ input: shell.stdout })) {
      if (pid === 0) {
        pid = Number(line);
        shell.stdin.end();
      } else if (shell.exitCode !== null) lines += 1;
      // More than twice the time at which the parent is looked at.
      if (lines === 15) process.kill(pid, 'SIGKILL');
    }
    expect(lines).toBeGreaterThanOrEqual(15);
  },
);
