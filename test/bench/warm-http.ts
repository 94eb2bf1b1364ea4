import { request as bareRequest, Pool } from 'undici';
import { getRecordById } from '../../lib/operations/table.ts';
import { startDeployment } from '../functions/emulated.ts';
import { type Bench, median, type Row, round, runAlone } from './report.ts';

const rounds = 2_000;
const warmUpRounds = 300;

/**
 * What the whole way through a function adds to a bare request to the same instance: event in, checks, connection, retry
 * chain, classification, answer out. The two alternate, so that a busy machine slows both alike.
 */
async function measure(): Promise<Row[]> {
  const deployment = await startDeployment();
  const { instance } = deployment;
  const sysId = String(instance.state.store.select('incident', { limit: 1 })[0]?.['sys_id']);
  const url = `/api/now/table/incident/${sysId}`;
  const pool = new Pool(instance.url, { connections: 1 });
  const authorization = `Basic ${Buffer.from(`${instance.username}:${instance.password}`).toString('base64')}`;
  const served = deployment.serve(getRecordById);
  const through: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const bareMs = await timed(async () => {
      const answer = await bareRequest(`${instance.url}${url}`, {
        dispatcher: pool,
        headers: { authorization },
      });
      await answer.body.json();
    });
    const throughMs = await timed(() => served.http({ url }));
    if (round < warmUpRounds) continue;
    bare.push(bareMs);
    through.push(throughMs);
  }
  await pool.close();
  await deployment.close();
  return [rowOf(median(through), median(bare))];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function rowOf(throughMs: number, bareMs: number): Row {
  const addedMs = throughMs - bareMs;
  return {
    what: `getRecordById through its handler, p50 (adds ${round(addedMs)} ms)`,
    measured: `${round(throughMs)} ms`,
    baseline: `${round(bareMs)} ms`,
    ratio: throughMs / bareMs,
    limit: 'adds ≤ 1 ms',
    ok: addedMs <= 1,
  };
}

export const name = 'warm HTTP';
export const run = measure;

if (import.meta.main) await runAlone({ name, run } satisfies Bench);
