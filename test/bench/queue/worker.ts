import { Pool } from 'undici';
import { createConnections } from '../../../lib/aws/connections.ts';
import { createStateTable } from '../../../lib/aws/state-table.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { readConfig } from '../../../lib/core/config.ts';
import { silentLog } from '../../../lib/core/log.ts';
import { silentMetrics } from '../../../lib/core/metrics.ts';
import { createRecordWriter } from '../../../lib/record-queue/handler.ts';
import type { Work, WorkDone } from './work.ts';

const batchSize = 100;
const copies = 2;
const singlesAtOnce = 4;

/** A process that does one piece of work, so that its memory and time are its own. */
const work: Work = JSON.parse(process.argv[2] ?? '{}');
const started = performance.now();
const unfinished = await (work.way === 'singles' ? oneByOne(work) : throughFunction(work));
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const done: WorkDone = {
  seconds: (performance.now() - started) / 1000,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  maxRssMb: maxRSS / 1024,
  unfinished,
};
process.stdout.write(JSON.stringify(done));

async function throughFunction(asked: Work): Promise<number> {
  const { instanceUrl, username, password, messages, prefix, way } = asked;
  const config = readConfig({
    SERVICENOW_SECRET_ID: 'bench',
    ALLOWED_TABLES: '*',
    ALLOWED_HOSTS: '127.0.0.1',
  });
  const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  const connections = createConnections({ config, fetchSecret: async () => secret });
  const stateTable = createStateTable(asked.stateTable, systemClock, Math.random);
  const nothing = async () => [];
  const pair = { url: 'queue', deadLetterUrl: 'dlq' };
  const write = createRecordWriter({
    connect: connections.connect,
    queues: { standard: pair, fifo: pair, send: nothing, hide: nothing },
    settings: config.records,
    deployment: config.deployment,
    stateTable: () => stateTable,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    metrics: silentMetrics,
  });
  const invocation = { awsRequestId: 'bench', getRemainingTimeInMillis: () => 60_000 };
  const left = await inTurns(Math.ceil(messages / batchSize), copies, async (batch) => {
    const size = Math.min(batchSize, messages - batch * batchSize);
    const Records = Array.from({ length: size }, (_, index) => sqsRecord(`${prefix}-${batch}-${index}`, way));
    return (await write({ Records }, invocation)).batchItemFailures.length;
  });
  await connections.close();
  return left;
}

function sqsRecord(messageId: string, way: Work['way']) {
  const now = String(Date.now());
  return {
    messageId,
    receiptHandle: messageId,
    body: JSON.stringify({
      table: 'incident',
      ...(way === 'keyed' && { key: messageId }),
      record: { short_description: messageId, description: 'x'.repeat(500) },
    }),
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: now, ApproximateFirstReceiveTimestamp: now },
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:records',
  };
}

async function oneByOne({ instanceUrl, username, password, messages, prefix }: Work): Promise<number> {
  const pool = new Pool(instanceUrl, { connections: singlesAtOnce });
  const headers = {
    authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
    'content-type': 'application/json',
  };
  const left = await inTurns(messages, singlesAtOnce, async (index) => {
    const body = JSON.stringify({ short_description: `${prefix}-${index}`, description: 'x'.repeat(500) });
    const path = '/api/now/table/incident?sysparm_fields=sys_id';
    const answer = await pool.request({ method: 'POST', path, headers, body });
    await answer.body.json();
    return answer.statusCode === 201 ? 0 : 1;
  });
  await pool.close();
  return left;
}

/** Runs `count` pieces of work, so many at once; gives the sum of what they return. */
async function inTurns(
  count: number,
  atOnce: number,
  one: (index: number) => Promise<number>,
): Promise<number> {
  let next = 0;
  let sum = 0;
  const loop = async () => {
    for (let index = next++; index < count; index = next++) sum += await one(index);
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  return sum;
}
