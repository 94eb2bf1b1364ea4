import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { type Row, round } from './report.ts';

const projectRoot = resolve(import.meta.dirname, '../..');
const LIMIT_MS = 10_000;

export const name = 'start';

/** From the command to the line that says `ready`: as after `npm ci`, with everything still to package, and again. */
export async function run(): Promise<Row[]> {
  await rm(join(projectRoot, '.serverless'), { recursive: true, force: true });
  const first = await readyMs();
  const again = await readyMs();
  return [
    row('npm start to ready, nothing packaged yet', first),
    row('npm start to ready, packaged before', again),
  ];
}

function row(what: string, ms: number): Row {
  return { what, measured: `${round(ms / 1000)} s`, limit: '≤ 10 s', ok: ms <= LIMIT_MS };
}

async function readyMs(): Promise<number> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['cli/main.ts', 'start', '--json'], {
    cwd: projectRoot,
    // No command takes it for the stack that a person started.
    env: { ...process.env, XDG_CACHE_HOME: join(tmpdir(), 'servicenow-functions-bench') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(createInterface({ input: child.stdout }), 'line');
    return performance.now() - startedMs;
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}
