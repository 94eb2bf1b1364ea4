import { createConnections } from '../../../lib/aws/connections.ts';
import { createStateTable } from '../../../lib/aws/state-table.ts';
import { createTelemetry } from '../../../lib/aws/telemetry.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { readConfig } from '../../../lib/core/config.ts';
import { withLogFields } from '../../../lib/core/log.ts';
import { createRecordWriter } from '../../../lib/record-queue/handler.ts';

/** What the process is asked to do; comes as JSON. */
export type Trickle = {
  readonly instanceUrl: string;
  readonly username: string;
  readonly password: string;
  /** Its name. */
  readonly stateTable: string;
  /** Which metrics are written: see the param `metrics`. */
  readonly metrics: 'alarms' | 'all';
  readonly invocations: number;
  readonly messagesPerInvocation: number;
  /** Characters of the description in each record. */
  readonly characters: number;
};

/** What it came to, for each invocation; its answer as JSON. */
export type TrickleDone = { readonly cpuMs: number; readonly logBytes: number; readonly maxRssMb: number };

/** So many invocations come before the measurement: connection, credentials and compiled code are those of a warm process. */
const warmUp = 30;

/** One invocation after another, as a trickle of messages causes them, with the log and the metrics as deployed. */
async function main(asked: Trickle): Promise<TrickleDone> {
  const { instanceUrl, username, password, metrics: choice } = asked;
  const config = readConfig({
    SERVICENOW_SECRET_ID: 'bench',
    ALLOWED_TABLES: '*',
    ALLOWED_HOSTS: '127.0.0.1',
    AWS_LAMBDA_FUNCTION_NAME: 'servicenow-functions-prod-writeRecords',
    METRICS: choice,
  });
  const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  const { log, metrics } = createTelemetry(config);
  const connections = createConnections({ config, log, metrics, fetchSecret: async () => secret });
  const stateTable = createStateTable(asked.stateTable, systemClock, Math.random);
  const nothing = async () => [];
  const pair = { url: 'queue', deadLetterUrl: 'dlq' };
  const write = createRecordWriter({
    ...{ connect: connections.connect, settings: config.records, deployment: config.deployment },
    queues: { standard: pair, fifo: pair, send: nothing, hide: nothing },
    stateTable: () => stateTable,
    ...{ clock: systemClock, random: Math.random, log, metrics },
  });
  const text = 'x'.repeat(asked.characters);
  // A message id that was used before would be the same message again.
  const run = crypto.randomUUID();
  const invoke = async (number: number) => {
    const awsRequestId = crypto.randomUUID();
    const Records = Array.from({ length: asked.messagesPerInvocation }, (_, index) =>
      sqsRecord(`${run}-${number}-${index}`, text),
    );
    const invocation = { awsRequestId, getRemainingTimeInMillis: () => 60_000 };
    const work = () => write({ Records }, invocation);
    const { batchItemFailures } = await withLogFields({ requestId: awsRequestId }, work);
    if (batchItemFailures.length > 0) throw new Error('a message was not written');
    metrics.flush();
  };
  let logBytes = 0;
  const writeOut = process.stdout.write.bind(process.stdout);
  process.stdout.write = (chunk: string | Uint8Array) => {
    logBytes += chunk.length;
    return true;
  };
  for (let number = 0; number < warmUp; number += 1) await invoke(number);
  const before = process.cpuUsage();
  logBytes = 0;
  for (let number = warmUp; number < warmUp + asked.invocations; number += 1) await invoke(number);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write = writeOut;
  await connections.close();
  return {
    cpuMs: (user + system) / 1_000 / asked.invocations,
    logBytes: logBytes / asked.invocations,
    maxRssMb: process.resourceUsage().maxRSS / 1_024,
  };
}

function sqsRecord(messageId: string, description: string) {
  const now = String(Date.now());
  return {
    ...{ messageId, receiptHandle: messageId },
    body: JSON.stringify({ table: 'incident', record: { short_description: messageId, description } }),
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: now, ApproximateFirstReceiveTimestamp: now },
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:records',
  };
}

process.stdout.write(JSON.stringify(await main(JSON.parse(process.argv[2] ?? '{}'))));
