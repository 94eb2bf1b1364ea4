import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Endpoints } from '../../local/stack/describe-stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'start-test-'));
const children: ChildProcess[] = [];
afterEach(() => {
  // A test that failed half-way must not leave a stack behind.
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Started = { readonly child: ChildProcess; readonly endpoints: Endpoints };

async function start(...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, ['local/start.ts', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  if (!child.stdout) throw new Error('the output is piped');
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { ready, ...endpoints } = JSON.parse(line);
  expect(ready).toBe(true);
  return { child, endpoints };
}

async function stop({ child }: Started): Promise<number | null> {
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  return code;
}

/** Processes whose parent is the given one (Linux only). */
async function childrenOf(pid: number | undefined): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    pids.map(async (one) => ({ one, stat: await readFile(`/proc/${one}/stat`, 'utf8').catch(() => '') })),
  );
  return parents.filter(({ stat }) => stat.split(') ')[1]?.split(' ')[1] === `${pid}`).map(({ one }) => one);
}

/** One that has ended and waits for its new parent to notice counts as gone. */
async function isAlive(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && stat.split(') ')[1]?.[0] !== 'Z';
}

const createIncident = ({ endpoints }: Started) =>
  fetch(`${endpoints.api}/api/now/table/incident`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ short_description: 'kept over a restart' }),
  });

// Two whole starts with packaging, beside everything else that the machine runs.
describe('npm start -- --json', { timeout: 180_000 }, () => {
  it('prints one line that says where everything is', async () => {
    const started = await start('--data-dir', folder);
    const url = expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+/);
    expect(started.endpoints).toEqual({
      api: url,
      instance: { url, username: expect.any(String), password: expect.any(String) },
      sqs: { endpoint: url, recordsQueueUrl: url, recordsDlqUrl: url },
      s3: { endpoint: url, bucket: expect.any(String) },
      lambda: { endpoint: url },
    });
    expect((await createIncident(started)).status).toBe(201);
    await stop(started);
  });

  it('goes on with what its folder holds, and leaves no process behind', async () => {
    const started = await start('--data-dir', folder);
    const query = 'sysparm_query=short_description=kept%20over%20a%20restart';
    const answer = await fetch(`${started.endpoints.api}/api/now/table/incident?${query}`);
    expect(answer.headers.get('x-total-count')).toBe('1');
    const processes = existsSync('/proc') ? await childrenOf(started.child.pid) : [];
    if (existsSync('/proc')) expect(processes).not.toEqual([]);
    if (existsSync('/proc')) expect(processes).toHaveLength(1);
    expect(await stop(started)).toBe(0);
    expect(await Promise.all(processes.map(isAlive))).not.toContain(true);
  });
});
