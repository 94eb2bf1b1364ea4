import { Writable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { request as bareRequest, Pool } from 'undici';
import type { Instance } from '../../emulator/instance/index.ts';
import { createJsonLog } from '../../lib/aws/telemetry.ts';
import { deadlineAt, systemClock } from '../../lib/core/clock.ts';
import { getRecordById } from '../../lib/operations/table.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { createClient } from '../../lib/servicenow/client.ts';
import { getRecord } from '../../lib/servicenow/records.ts';
import { startDeployment } from '../functions/emulated.ts';
import { type Bench, median, type Row, round, runAlone } from './report.ts';

const rounds = 3_000;
const warmUpRounds = 500;
const maxChainMs = 0.12;
const maxHandlerMs = 0.25;

/** Two times of one round, in milliseconds: with what is measured, and without it. */
type Pair = { readonly withMs: number; readonly withoutMs: number };

/**
 * What two layers add to a warm call for one record: the request chain of the client to a bare request that reads the same record from the
 * same compressed answer, and the handler of a function to the call of its client.
 */
async function measure(): Promise<Row[]> {
  await using opened = new AsyncDisposableStack();
  const deployment = opened.adopt(await startDeployment(), (one) => one.close());
  const { instance } = deployment;
  const sysId = String(instance.state.store.select('incident', { limit: 1 })[0]?.['sys_id']);
  const clientTime = { ms: 0 };
  const served = deployment.serve(getRecordById, (client) => timing(client, clientTime));
  const client = opened.adopt(clientFor(instance), (one) => one.close());
  const pool = opened.adopt(new Pool(instance.url, { connections: 4 }), (one) => one.close());
  const url = `/api/now/table/incident/${sysId}`;
  const context = { deadline: deadlineAt(Date.now() + 600_000, systemClock), correlationId: 'bench' };
  const headers = { authorization: basic(instance), accept: 'application/json', 'accept-encoding': 'gzip' };
  const bare = async () => {
    const { body } = await bareRequest(`${instance.url}${url}`, { dispatcher: pool, headers });
    return JSON.parse(String(gunzipSync(await body.arrayBuffer())));
  };
  const showAgain = hideOutput();
  try {
    // Alternating, so that a busy machine slows both alike.
    const chain = await inRounds(async () => ({
      withMs: await timed(() => getRecord(client, { table: 'incident', sysId }, context)),
      withoutMs: await timed(bare),
    }));
    const handler = await inRounds(async () => {
      clientTime.ms = 0;
      const withMs = await timed(() => served.raw({ url }));
      return { withMs, withoutMs: clientTime.ms };
    });
    return [
      rowOf('request chain (retry, limits, sign-in, classification) over a bare request', chain, maxChainMs),
      rowOf('handler of getRecordById over the call of its client', handler, maxHandlerMs),
    ];
  } finally {
    showAgain();
  }
}

/** A client whose log lines are made as in Lambda. */
function clientFor({ url: instanceUrl, username, password }: Instance): ServiceNowClient {
  const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  const log = createJsonLog({ service: 'bench' });
  return createClient({ readSecret: () => secret, allowedHosts: ['127.0.0.1'], log });
}

function basic({ username, password }: Instance): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** The client, adding up the time of its calls. */
function timing(client: ServiceNowClient, sum: { ms: number }): ServiceNowClient {
  return {
    async send(request, context) {
      const start = performance.now();
      try {
        return await client.send(request, context);
      } finally {
        sum.ms += performance.now() - start;
      }
    },
    close: () => client.close(),
  };
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

async function inRounds(once: () => Promise<Pair>): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let round = 0; round < warmUpRounds + rounds; round += 1) {
    const pair = await once();
    if (round >= warmUpRounds) pairs.push(pair);
  }
  return pairs;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function rowOf(what: string, pairs: readonly Pair[], maxMs: number): Row {
  const withMs = median(pairs.map((pair) => pair.withMs));
  const withoutMs = median(pairs.map((pair) => pair.withoutMs));
  const addedMs = withMs - withoutMs;
  return {
    what: `${what}, p50 (adds ${round(addedMs)} ms)`,
    measured: `${round(withMs)} ms`,
    baseline: `${round(withoutMs)} ms`,
    ratio: withMs / withoutMs,
    limit: `adds ≤ ${maxMs} ms`,
    ok: addedMs <= maxMs,
  };
}

export const name = 'warm: what the client and a handler add to a call';
export const run = measure;

if (import.meta.main) await runAlone({ name, run } satisfies Bench);
