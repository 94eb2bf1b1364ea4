import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';
import { until } from '../until.ts';
import { freePorts } from './free-ports.ts';
import { endpoints as running } from './running-stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'start-test-'));
const children: ChildProcess[] = [];
afterEach(() => {
  // A test that failed half-way must not leave a stack behind.
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Started = { readonly child: ChildProcess; readonly endpoints: Endpoints };

async function start(command: string, args: string[]): Promise<Started> {
  const child = spawn(command, [...args, '--json', '--data-dir', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') },
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

/** Process id → its parent's (Linux only; elsewhere there is nothing to look at). */
async function parents(): Promise<Map<string, string>> {
  const names = await readdir('/proc').catch(() => []);
  const found = new Map<string, string>();
  for (const pid of names.filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    found.set(pid, stat.split(') ')[1]?.split(' ')[1] ?? '');
  }
  return found;
}

async function descendantsOf(pid: number | undefined): Promise<string[]> {
  const byParent = await parents();
  const below = (parent: string): string[] =>
    [...byParent].flatMap(([child, of]) => (of === parent ? [child, ...below(child)] : []));
  return below(`${pid}`);
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

it('listens on 127.0.0.1 and on no other address of the machine', async () => {
  const { api, instance, ...services } = running;
  const endpoints = Object.values(services).map(({ endpoint }) => endpoint);
  for (const url of [api, instance.url, ...endpoints]) {
    const port = Number(new URL(url).port);
    // A server that listens everywhere answers on the whole loopback network.
    await expect(once(connect({ host: '127.0.0.2', port }), 'connect')).rejects.toThrow(/ECONN|EADDR/);
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    socket.destroy();
  }
});

describe('npm start -- --json', () => {
  it('prints one line that says where everything is, and exits with 0 when it is stopped', async () => {
    const started = await start(process.execPath, ['cli/main.ts', 'start']);
    const url = expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+/);
    expect(started.endpoints).toEqual({
      api: url,
      instance: { url, username: expect.any(String), password: expect.any(String) },
      sqs: {
        endpoint: url,
        recordsQueueUrl: url,
        recordsDlqUrl: url,
        queues: expect.arrayContaining([
          { name: 'RecordsQueue', url },
          { name: 'RecordsFifoDeadLetterQueue.fifo', url, deadLettersOf: url },
          { name: 'CallDeadLetterQueue', url, deadLettersOf: null },
        ]),
        eventsQueueUrl: url,
        eventsDlqUrl: url,
        signalsQueueUrl: url,
      },
      s3: { endpoint: url, bucket: expect.any(String) },
      lambda: { endpoint: url },
      page: url,
      openapi: expect.stringMatching(/\/openapi$/),
      secretsManager: { endpoint: url },
      dynamodb: { endpoint: url, stateTable: expect.any(String) },
      eventBridge: { endpoint: url, bus: 'default' },
      sns: { endpoint: url, topicArn: expect.stringMatching(/^arn:aws:sns:/) },
      cloudWatch: { endpoint: url },
      securityHub: { endpoint: url },
    });
    expect((await createIncident(started)).status).toBe(201);
    expect(await stop(started)).toBe(0);
  });

  it('goes on with what its folder holds, and leaves no process behind when npm is stopped', async () => {
    const started = await start('npm', ['start', '--silent', '--']);
    const query = 'sysparm_query=short_description=kept%20over%20a%20restart';
    const answer = await fetch(`${started.endpoints.api}/api/now/table/incident?${query}`);
    expect(answer.headers.get('x-total-count')).toBe('1');
    const processes = await descendantsOf(started.child.pid);
    await stop(started);
    await until(async () => expect(await Promise.all(processes.map(isAlive))).not.toContain(true));
  });
});

describe('npm start that cannot or shall not go on', () => {
  const begin = (args: string[], own: string) => {
    const env = { ...process.env, TMPDIR: own, XDG_CACHE_HOME: join(folder, 'cache') };
    const child = spawn(process.execPath, ['cli/main.ts', 'start', ...args], { stdio: 'pipe', env });
    children.push(child);
    return child;
  };

  it.each([
    [[], 4700],
    [['--port-base', '4700'], 4800],
    [['--port-base', '65500'], 4600],
  ])('ends with the reason when a port is taken, and leaves nothing behind (%j)', async (base, proposed) => {
    const own = mkdtempSync(join(folder, 'own-'));
    const { port } = new URL(running.api);
    const child = begin(['--json', ...freePorts, '--port', port, ...base], own);
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(code).toBe(1);
    expect(said).toBe(
      `--port: HTTP API cannot listen on 127.0.0.1:${port}, which is in use; choose another port, or move all of them with --port-base ${proposed}\n`,
    );
    expect(await readdir(own)).toEqual([]);
  });

  it('exits with 0 when it is stopped while it starts', async () => {
    const child = begin([...freePorts, '--data-dir', join(folder, 'given-up')], folder);
    await once(createInterface({ input: child.stdout }), 'line');
    child.kill('SIGINT');
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect([code, said]).toEqual([0, '']);
  });
});
