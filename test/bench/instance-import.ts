import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { startInstance } from '../../emulator/instance/index.ts';
import type { Switches } from '../../emulator/instance/switches.ts';
import { median, type Row, round, runAlone } from './report.ts';

export const name =
  'instance emulator: rows through insertMultiple per second, its client in the same process';

const rowsPerCall = 1_000;
const callsPerRound = 20;
const rounds = 5;

const body = Buffer.from(
  JSON.stringify({
    records: Array.from({ length: rowsPerCall }, (_, at) => ({
      Name: `host-${at}`,
      'Serial number': `SN-${at}`,
      'Operating System': 'Linux',
      'IP Address': '10.0.0.1',
      'Correlation ID': `key-${at}`,
    })),
  }),
);

type Target = { readonly url: string; readonly authorization: string };

/** Rows a second of one core's time, and by the wall clock, which the limit is about. */
type Rate = { readonly core: number; readonly wall: number };

/** Medians of some rounds; the first round is not counted. */
async function rowsPerSecond(target: Target): Promise<Rate> {
  const agent = new Agent({ connections: 2 });
  const taken: { coreMs: number; wallMs: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = { wallMs: performance.now(), cpu: process.cpuUsage() };
    for (let at = 0; at < callsPerRound; at++) await send(target, agent);
    const cpu = process.cpuUsage(before.cpu);
    taken.push({ coreMs: (cpu.user + cpu.system) / 1_000, wallMs: performance.now() - before.wallMs });
  }
  await agent.close();
  const rate = (timesMs: number[]) => (rowsPerCall * callsPerRound * 1_000) / median(timesMs.slice(1));
  return { core: rate(taken.map(({ coreMs }) => coreMs)), wall: rate(taken.map(({ wallMs }) => wallMs)) };
}

async function send({ url, authorization }: Target, dispatcher: Agent): Promise<void> {
  const response = await request(`${url}/api/now/import/imp_computer/insertMultiple`, {
    method: 'POST',
    dispatcher,
    headers: { authorization, 'content-type': 'application/json' },
    body,
  });
  await response.body.dump();
  if (response.statusCode !== 201) throw new Error(`insertMultiple answered ${response.statusCode}`);
}

async function measure(switches: Partial<Switches>): Promise<Rate> {
  const instance = await startInstance({ switches });
  const credentials = Buffer.from(`${instance.username}:${instance.password}`).toString('base64');
  const rate = await rowsPerSecond({ url: instance.url, authorization: `Basic ${credentials}` });
  await instance.close();
  return rate;
}

/** A bare server that parses the same bodies and does nothing with them. */
async function measureBare(): Promise<Rate> {
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    JSON.parse(Buffer.concat(chunks).toString());
    outgoing.writeHead(201).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const rate = await rowsPerSecond({ url: `http://127.0.0.1:${port}`, authorization: '' });
  server.close();
  return rate;
}

/** Sink with and without its rows kept, and a synchronous transform, compared with a server that only parses. */
export async function run(): Promise<Row[]> {
  const bare = await measureBare();
  const counted = await measure({ sinkStagingTables: ['*'], sinkKeepsRows: false });
  const kept = await measure({ sinkStagingTables: ['*'] });
  const loaded = await measure({ transformDelayMs: 3_600_000 });
  const row = (what: string, rate: Rate, least?: number): Row => ({
    what: `${what} (${round(rate.core)} rows per second of one core)`,
    measured: `${round(rate.wall)} rows/s`,
    baseline: `${round(bare.wall)} rows/s`,
    ratio: rate.wall / bare.wall,
    ...(least !== undefined && { limit: `≥ ${round(least)} rows/s`, ok: rate.wall >= least }),
  });
  return [
    row('sink that counts its rows', counted, 20_000),
    row('sink that keeps its rows', kept, 20_000),
    row('rows loaded, transform to come', loaded),
  ];
}

if (import.meta.main) await runAlone({ name, run });
