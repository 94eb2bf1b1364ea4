import { Agent, request } from 'undici';
import { median, type Row, ratioRow, round } from '../report.ts';
import { plainLine } from './files.ts';
import type { Outside } from './outside.ts';
import { importAlone, withOutside } from './processes.ts';

const rounds = 3;
/** Of whole imports and bare loops in turn, whose medians are compared. */
const paceRounds = 5;
const concurrency = 4;
const paceRows = 400_000;
const rowsPerRequest = 200;

/** Whole imports against a loop that only posts, the requests they take, and how their time grows with the file. */
export async function importPace(isFull: boolean): Promise<Row[]> {
  return withOutside(async (outside) => [
    await againstBareLoop(outside),
    await requestsPerMillion(outside),
    await chained(outside),
    ...(await growth(outside, isFull)),
  ]);
}

async function againstBareLoop(outside: Outside): Promise<Row> {
  const bodies = preparedBodies();
  const bare: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < paceRounds; round++) {
    bare.push(await bareLoop(outside, bodies));
    whole.push((await importAlone(outside, paceRows, rowsPerRequest)).seconds);
  }
  return ratioRow(`whole import of ${paceRows} rows, against posting prepared bodies`, 's', {
    measured: median(whole),
    baseline: median(bare),
    maxRatio: 1.5,
  });
}

function preparedBodies(): Buffer[] {
  return Array.from({ length: paceRows / rowsPerRequest }, (_, n) => {
    const records = Array.from({ length: rowsPerRequest }, (_, i) => {
      const [code, text, when] = plainLine(n * rowsPerRequest + i).split(',');
      return { Code: code, 'Free text': text, When: when };
    });
    return Buffer.from(JSON.stringify({ records }));
  });
}

async function bareLoop({ instance }: Outside, bodies: readonly Buffer[]): Promise<number> {
  const agent = new Agent({ connections: concurrency });
  const authorization = `Basic ${btoa(`${instance.username}:${instance.password}`)}`;
  const headers = { authorization, 'content-type': 'application/json', accept: 'application/json' };
  const waiting = bodies.values();
  const startMs = performance.now();
  const post = async () => {
    for (const body of waiting) {
      const url = `${instance.url}/api/now/import/imp_load/insertMultiple`;
      const answer = await request(url, { dispatcher: agent, method: 'POST', headers, body });
      await answer.body.json();
      if (answer.statusCode !== 201) throw new Error(`the sink answered ${answer.statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, post));
  const seconds = (performance.now() - startMs) / 1000;
  await agent.close();
  return seconds;
}

async function requestsPerMillion(outside: Outside): Promise<Row> {
  const { requestsBeforeVerdicts: requests } = await importAlone(outside, 1_000_000, 500);
  return {
    what: 'requests for 1,000,000 rows at 500 a request, before the last verdicts',
    measured: `${requests}`,
    limit: '≤ 2,100',
    ok: requests <= 2_100,
  };
}

/** A file that one execution may not carry to its end: the operation limit is lowered, so that others go on with it. */
async function chained(outside: Outside): Promise<Row> {
  const whole: number[] = [];
  const parts: number[] = [];
  let executions = 0;
  for (let round = 0; round < rounds; round++) {
    whole.push((await importAlone(outside, paceRows, 500)).seconds);
    const measured = await importAlone(outside, paceRows, 500, { operationsPerExecution: 10 });
    executions = measured.executions;
    parts.push(measured.seconds);
  }
  const what = `import of ${paceRows} rows in ${executions} chained executions, against one`;
  const row = ratioRow(what, 's', { measured: median(parts), baseline: median(whole) });
  return { ...row, limit: '≥ 2 executions', ok: executions >= 2 };
}

/** Microseconds a row: the same for a short file and a long one. */
async function growth(outside: Outside, isFull: boolean): Promise<Row[]> {
  const sizes = isFull ? [10_000, 100_000, 1_000_000, 5_000_000] : [10_000, 100_000, 1_000_000];
  const perRow: number[] = [];
  for (const rows of sizes) {
    const runs = rows >= 1_000_000 ? 1 : rounds;
    const times: number[] = [];
    for (let run = 0; run < runs; run++) times.push((await importAlone(outside, rows, 500)).loadingSeconds);
    perRow.push((median(times) * 1e6) / rows);
  }
  const middle = perRow[1] ?? 0;
  return sizes.slice(2).map((rows, i) => {
    const measured = perRow[i + 2] ?? 0;
    const what = `time a row, ${rows} rows against 100,000 (10,000: ${round(perRow[0] ?? 0)} µs)`;
    return ratioRow(what, 'µs', { measured, baseline: middle, maxRatio: 1.2 });
  });
}
