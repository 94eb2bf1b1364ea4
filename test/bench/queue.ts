import { type Instance, startInstance } from '../../emulator/instance/index.ts';
import { startFaultProxy } from '../faults/harness/fault-proxy.ts';
import { doWork, startStateTable } from './queue/work.ts';
import { type Bench, median, type Row, ratioRow, round, runAlone } from './report.ts';

const latencyMs = 20;
const creates = 1_000;
const manyMessages = 10_000;
const repeats = 3;
/** Reads of a batch of messages with keys travel together. */
const mostLedgerCalls = 2;

/**
 * Messages through write-records against an instance in another process: requests for a thousand creates, throughput next to
 * one POST per message with as many requests at once, and the memory that ten thousand take.
 */
async function measure(): Promise<Row[]> {
  await using opened = new AsyncDisposableStack();
  const instance = opened.adopt(await startInstance(), (one) => one.close());
  const { url } = opened.adopt(await startStateTable(), (one) => one.close());
  const { seconds, singleSeconds, requests } = await throughputs(instance, url);
  const many = await doWork(instance, { way: 'function', messages: manyMessages, prefix: 'many' }, url);
  return [
    ratioRow('requests for 1,000 creates', '', { measured: requests, baseline: creates, maxRatio: 0.025 }),
    ratioRow(`creates a second at ${latencyMs} ms a request`, '/s', {
      measured: creates / seconds,
      baseline: creates / singleSeconds,
      minRatio: 5,
    }),
    await ledgerCalls(instance),
    {
      what: `memory of a process after ${manyMessages.toLocaleString('en-US')} messages`,
      measured: `${round(many.maxRssMb)} MB`,
      limit: '≤ 200 MB',
      ok: many.maxRssMb <= 200 && many.unfinished === 0,
    },
  ];
}

/** Calls to DynamoDB for creates with keys, of a process that has just started. */
async function ledgerCalls(instance: Instance): Promise<Row> {
  await using opened = new AsyncDisposableStack();
  const dynamoDb = opened.adopt(await startStateTable(), (one) => one.close());
  const proxy = opened.adopt(await startFaultProxy(() => dynamoDb.url), (one) => one.close());
  await doWork(instance, { way: 'keyed', messages: creates, prefix: 'keyed' }, proxy.url);
  const calls = (proxy.count / creates) * 100;
  return {
    what: 'ledger calls for 100 creates with keys',
    measured: round(calls),
    limit: `≤ ${mostLedgerCalls} and one a process`,
    ok: calls <= mostLedgerCalls + (100 / creates) * processCalls,
  };
}

/** Batches that begin before the process knows the table each ask about it. */
const processCalls = 2;

/** The two ways alternate, so that a busy machine slows both alike. */
async function throughputs(instance: Instance, dynamoDbUrl: string) {
  instance.control.faults.add({
    match: { path: '/api/now/*' },
    action: 'latency',
    latencyMs,
    probability: 1,
  });
  const together: number[] = [];
  const singles: number[] = [];
  let requests = 0;
  for (let round = 0; round < repeats; round += 1) {
    const singleWork = { way: 'singles', messages: creates, prefix: `single${round}` } as const;
    const single = await doWork(instance, singleWork, dynamoDbUrl);
    singles.push(single.seconds);
    instance.state.ledger.clear();
    const jointWork = { way: 'function', messages: creates, prefix: `together${round}` } as const;
    const joint = await doWork(instance, jointWork, dynamoDbUrl);
    together.push(joint.seconds);
    requests = instance.state.ledger.select({ limit: 100_000 }).length;
  }
  instance.control.faults.clear();
  return { seconds: median(together), singleSeconds: median(singles), requests };
}

export const name = 'queue';
export const run = measure;

if (import.meta.main) await runAlone({ name, run } satisfies Bench);
