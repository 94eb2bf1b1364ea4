import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dispatcher, Pool, request } from 'undici';
import { type Bench, median, type Row, round, runAlone } from './report.ts';

const main = join(import.meta.dirname, '../../emulator/instance/instance.js');
const authorization = `Basic ${btoa('integration.user:Emulator-only-1')}`;
const rows = 100_000;
const page = 10_000;
const secondsPerLoad = 3;
const connections = 4;

/** An instance in a process of its own. */
type Running = { readonly url: string; readonly child: ChildProcess; readonly startedInMs: number };

async function start(...options: string[]): Promise<Running> {
  const beganMs = performance.now();
  const child = spawn(process.execPath, [main, '--port', '0', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  for await (const chunk of child.stdout ?? []) {
    out += String(chunk);
    const url = /http:\/\/\S+/.exec(out)?.[0];
    if (url !== undefined && out.includes('Ctrl-C'))
      return { url, child, startedInMs: performance.now() - beganMs };
  }
  throw new Error(`the instance did not start: ${out}`);
}

async function stop({ child }: Running): Promise<void> {
  child.kill('SIGINT');
  await once(child, 'exit');
}

/** Milliseconds of processor time that a process has used so far (Linux). */
function cpuMsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

type Rate = { readonly perCoreSecond: number; readonly perSecond: number };

/** Sends the same request over four connections for a while; gives how many were answered. */
async function answersIn(
  seconds: number,
  url: string,
  options: Omit<Dispatcher.RequestOptions, 'path' | 'origin'>,
) {
  const { origin, pathname: path } = new URL(url);
  const pool = new Pool(origin, { connections });
  const untilMs = performance.now() + seconds * 1000;
  let answers = 0;
  const send = async () => {
    while (performance.now() < untilMs) {
      const { statusCode, body } = await pool.request({ ...options, path });
      await body.dump();
      if (statusCode >= 300) throw new Error(`${url} answered ${statusCode}`);
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, send));
  await pool.close();
  return answers;
}

/** Answers per second of the instance's processor time (independent of other processes), and per second of wall time. */
async function load(instance: Running, path: string, method: 'GET' | 'POST', body?: string): Promise<Rate> {
  const headers = { authorization, 'content-type': 'application/json' };
  const send = (seconds: number) =>
    answersIn(seconds, instance.url + path, { method, headers, body: body ?? null });
  await send(1);
  const before = cpuMsOf(instance.child.pid);
  const answers = await send(secondsPerLoad);
  const cpuMs = cpuMsOf(instance.child.pid) - before;
  return { perCoreSecond: (answers * 1000) / cpuMs, perSecond: answers / secondsPerLoad };
}

/** What node:http alone makes of the same: a server that answers every request with these bytes. */
async function bareRequestsPerSecond(body: string): Promise<number> {
  const server = createServer((_, response) => response.end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const answers = await answersIn(1, `http://127.0.0.1:${address.port}/`, { method: 'GET' });
  server.close();
  return answers;
}

function throughputRow(what: string, measured: Rate, bare: number, least: number): Row {
  return {
    what: `${what} (${round(measured.perSecond)} a second as measured)`,
    measured: `${round(measured.perCoreSecond)} /s of one core`,
    baseline: `${round(bare)} /s, node:http alone`,
    ratio: measured.perSecond / bare,
    limit: `≥ ${least.toLocaleString('en-US')} /s`,
    ok: measured.perCoreSecond >= least,
  };
}

async function oneRecordRows(): Promise<Row[]> {
  const instance = await start();
  const first = await fetch(`${instance.url}/api/now/table/incident?sysparm_limit=1`, {
    headers: { authorization },
  });
  const body = await first.text();
  const sysId = /"sys_id":"(\w+)"/.exec(body)?.[1];
  const bare = await bareRequestsPerSecond(body);
  const gets = await load(instance, `/api/now/table/incident/${sysId}`, 'GET');
  const record = { short_description: 'Disk full', impact: '2', correlation_id: 'ext-1' };
  const posts = await load(instance, '/api/now/table/incident', 'POST', JSON.stringify(record));
  await stop(instance);
  return [
    throughputRow('GET of one incident, all columns', gets, bare, 2_000),
    throughputRow('POST of an incident, all columns answered', posts, bare, 1_000),
  ];
}

/** How long something took by the clock on the wall, and how much of that the instance's process was at work. */
type Took = { readonly wallMs: number; readonly cpuMs: number };

/** The limit applies to wall time; processor time only shows how much of a miss is due to other processes. */
function tookRow(what: string, took: readonly Took[], limitMs: number): Row {
  const wallMs = median(took.map((one) => one.wallMs));
  const cpuMs = median(took.map((one) => one.cpuMs));
  return {
    what: `${what} (${round(cpuMs)} ms of one core)`,
    measured: `${round(wallMs)} ms`,
    limit: `≤ ${limitMs} ms`,
    ok: wallMs <= limitMs,
  };
}

async function timeList(instance: Running, query: string): Promise<Took[]> {
  const took: Took[] = [];
  for (let run = 0; run < 9; run++) {
    const [beganMs, beganCpuMs] = [performance.now(), cpuMsOf(instance.child.pid)];
    const url = `${instance.url}/api/now/table/incident?sysparm_limit=${page}${query}`;
    const answer = await request(url, { headers: { authorization } });
    // Counted, not kept: what a client makes of 19 MB is no time of the instance's.
    let byteLength = 0;
    for await (const chunk of answer.body) byteLength += chunk.length;
    const wallMs = performance.now() - beganMs;
    took.push({ wallMs, cpuMs: cpuMsOf(instance.child.pid) - beganCpuMs });
    if (byteLength < page * 100) throw new Error(`only ${byteLength} bytes: ${answer.statusCode}`);
  }
  return took;
}

async function listRows(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'instance-bench-'));
  const data = join(folder, 'data.json');
  const incident = Array.from({ length: rows }, (_, at) => ({
    short_description: `Disk full on host ${at}`,
    correlation_id: `ext-${at}`,
    impact: (at % 3) + 1,
  }));
  writeFileSync(data, JSON.stringify({ incident }));
  const instance = await start('--data', data);
  const listRow = async (what: string, query: string) => tookRow(what, await timeList(instance, query), 150);
  const measured = [
    await listRow('10,000 of 100,000 incidents, all columns', ''),
    await listRow(
      '10,000 of 100,000 incidents, 6 columns, from row 80,000',
      `&sysparm_offset=80000&sysparm_fields=sys_id,number,short_description,impact,caller_id,sys_updated_on`,
    ),
  ];
  await stop(instance);
  rmSync(folder, { recursive: true });
  return measured;
}

async function startRow(): Promise<Row> {
  const took: Took[] = [];
  for (let run = 0; run < 5; run++) {
    const instance = await start();
    took.push({ wallMs: instance.startedInMs, cpuMs: cpuMsOf(instance.child.pid) });
    await stop(instance);
  }
  return tookRow('start, from spawn to listening, with the demo rows', took, 300);
}

export const name = 'instance emulator';

/** How fast the instance emulator is, each time in a process of its own. */
export async function run(): Promise<Row[]> {
  return [await startRow(), ...(await oneRecordRows()), ...(await listRows())];
}

const bench: Bench = { name, run };
if (import.meta.main) await runAlone(bench);
