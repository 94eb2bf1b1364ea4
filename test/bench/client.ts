import { Writable } from 'node:stream';
import { request as bareRequest, Pool } from 'undici';
import { startInstance } from '../../emulator/instance/index.ts';
import { createJsonLog } from '../../lib/aws/telemetry.ts';
import { deadlineAt, systemClock } from '../../lib/core/clock.ts';
import { createClient } from '../../lib/servicenow/client.ts';
import { getRecord } from '../../lib/servicenow/records.ts';
import { type Bench, median, type Row, round, runAlone } from './report.ts';

const rounds = 3_000;
const warmUpRounds = 500;

/**
 * What the request chain (retry, limiter, authentication, classification, schema, events) adds to a bare request for the same record with the
 * same headers. The two alternate, so that a busy machine slows both alike.
 */
async function measure(): Promise<Row[]> {
  const instance = await startInstance();
  const sysId = String(instance.state.store.select('incident', { limit: 1 })[0]?.['sys_id']);
  const { url: instanceUrl, username, password } = instance;
  const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  const log = createJsonLog({ service: 'bench' });
  const client = createClient({ readSecret: () => secret, allowedHosts: ['127.0.0.1'], log });
  const pool = new Pool(instanceUrl, { connections: 4 });
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const headers = { authorization, accept: 'application/json', 'accept-encoding': 'gzip' };
  const url = `${instanceUrl}/api/now/table/incident/${sysId}`;
  const context = { deadline: deadlineAt(Date.now() + 600_000, systemClock), correlationId: 'bench' };
  const bare = () => bareRequest(url, { dispatcher: pool, headers }).then(({ body }) => body.arrayBuffer());
  const chained = () => getRecord(client, { table: 'incident', sysId }, context);
  const showAgain = hideOutput();
  const [chainMs, bareMs] = await inTurns(chained, bare).finally(showAgain);
  await Promise.all([client.close(), pool.close()]);
  await instance.close();
  return [rowOf(chainMs, bareMs)];
}

/** The log lines are made and written as in Lambda, but not read here. */
function hideOutput(): () => void {
  const { write } = process.stdout;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stdout.write = (chunk: string | Uint8Array) => nowhere.write(chunk);
  return () => {
    process.stdout.write = write;
  };
}

async function inTurns(a: () => Promise<unknown>, b: () => Promise<unknown>): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < warmUpRounds + rounds; round += 1) {
    const measured = [await timed(a), await timed(b)] as const;
    if (round < warmUpRounds) continue;
    times[0].push(measured[0]);
    times[1].push(measured[1]);
  }
  return [median(times[0]), median(times[1])];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function rowOf(chainMs: number, bareMs: number): Row {
  const addedMs = chainMs - bareMs;
  return {
    what: `get a record through the client, p50 (adds ${round(addedMs)} ms)`,
    measured: `${round(chainMs)} ms`,
    baseline: `${round(bareMs)} ms`,
    ratio: chainMs / bareMs,
    limit: 'adds ≤ 0.3 ms',
    ok: addedMs <= 0.3,
  };
}

export const name = 'client';
export const run = measure;

if (import.meta.main) await runAlone({ name, run } satisfies Bench);
