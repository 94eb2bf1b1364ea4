import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import * as z from 'zod';
import { heapOptions } from '../../emulator/aws/lambda/runtime/runtime-process.ts';
import { type Instance, startInstance } from '../../emulator/instance/index.ts';
import type { Trickle, TrickleDone } from './queue/trickle.ts';
import { localAws, startStateTable, stateTable } from './queue/work.ts';
import { type Bench, type Row, round, runAlone } from './report.ts';

/** List prices in dollars, us-east-1, arm64, without free tiers, as known on 29 November 2026: docs/cost.md names the sources. */
const price = {
  lambdaRequest: 0.2e-6,
  gbSecond: 0.0000133334,
  sqsRequest: 0.4e-6,
  fifoRequest: 0.5e-6,
  metricMonth: 0.3,
  logGb: 0.5,
  secretMonth: 0.4,
  secretRead: 0.05e-4,
} as const;

/** SQS takes so many requests a month for nothing, for ever. */
const freeSqsRequests = 1e6;
const secondsAMonth = 30 * 86_400;
/** Lambda's start, end and report of an invocation, in bytes. */
const platformLogBytes = 380;
/** What the instance takes for a create over the network: the only figure that is assumed. */
const answerMs = 350;
/** At so many MB a function has one whole virtual CPU. */
const wholeCpuMb = 1_769;
const million = 1e6;

/** How a deployment is set up, as far as it costs. */
type Setup = {
  readonly windowSeconds: number;
  readonly memoryMb: number;
  /** Metrics that a create without trouble writes: Requests, LatencyMs and at times a third. */
  readonly metrics: 'alarms' | 'all';
  /** Mappings whose concurrency is bounded, for which Lambda keeps five polls open; for others two. */
  readonly mappings: readonly { readonly isBounded: boolean; readonly isFifo: boolean }[];
};

const paramsSchema = z.object({
  recordsBatchingSeconds: z.coerce.number(),
  metrics: z.enum(['alarms', 'all']),
});
const queueEvent = z.object({ sqs: z.object({ maximumConcurrency: z.number().optional() }) });
const functionSchema = z.object({
  memorySize: z.number().optional(),
  events: z.array(z.unknown()).optional(),
});
const serverlessSchema = z.object({
  params: z.object({ default: paramsSchema }),
  provider: z.object({ memorySize: z.number() }),
  functions: z.array(z.unknown()),
});

/** Before the levers of this release were pulled. */
const before: Setup = {
  ...{ windowSeconds: 1, memoryMb: 512, metrics: 'all' },
  mappings: [false, true, false, false].map((isFifo) => ({ isBounded: true, isFifo })),
};

/** As serverless.yml deploys by default. */
function asDeployed(): Setup {
  const text = readFileSync(join(import.meta.dirname, '../../serverless.yml'), 'utf8');
  const { params, provider, functions } = serverlessSchema.parse(parse(text, { logLevel: 'silent' }));
  const byName = new Map(
    functions.flatMap((one) =>
      typeof one === 'object' && one !== null
        ? Object.entries(one).map(([name, value]) => [name, functionSchema.parse(value)] as const)
        : [],
    ),
  );
  const mappings = [...byName].flatMap(([name, { events = [] }]) =>
    events.flatMap((event) => {
      const { data } = queueEvent.safeParse(event);
      // Both records queues are bounded by the param recordsConcurrency.
      const isBounded = name === 'writeRecords' || data?.sqs.maximumConcurrency !== undefined;
      return data ? [{ isBounded, isFifo: false }] : [];
    }),
  );
  return {
    windowSeconds: params.default.recordsBatchingSeconds,
    memoryMb: byName.get('writeRecords')?.memorySize ?? provider.memorySize,
    metrics: params.default.metrics,
    mappings: [...mappings, { isBounded: true, isFifo: true }],
  };
}

type Outside = { readonly instance: Instance; readonly dynamoDbUrl: string };

async function measureTrickle({ instance, dynamoDbUrl }: Outside, setup: Setup, more: Partial<Trickle> = {}) {
  const { url: instanceUrl, username, password } = instance;
  const messagesPerInvocation = Math.max(1, setup.windowSeconds);
  const asked: Trickle = {
    ...{ instanceUrl, username, password, stateTable, messagesPerInvocation },
    ...{ metrics: setup.metrics, invocations: 200, characters: 500, ...more },
  };
  const worker = join(import.meta.dirname, 'queue/trickle.ts');
  // As Lambda's runtime starts a function of that size.
  const flags = heapOptions(setup.memoryMb);
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, worker, JSON.stringify(asked)], {
    env: { ...process.env, ...localAws, AWS_ENDPOINT_URL_DYNAMODB: dynamoDbUrl },
  });
  const done: TrickleDone = JSON.parse(stdout);
  return done;
}

/** Dollars for a million creates that come one a second. */
function trickle({ windowSeconds, memoryMb, metrics }: Setup, { cpuMs, logBytes }: TrickleDone) {
  const invocations = million / Math.max(1, windowSeconds);
  const seconds = (answerMs + (cpuMs * wholeCpuMb) / memoryMb) / 1_000;
  const months = million / secondsAMonth;
  const parts = {
    lambda: invocations * (price.lambdaRequest + seconds * (memoryMb / 1_024) * price.gbSecond),
    // Each message is a receive of its own; those of an invocation are deleted together.
    sqs: (million + invocations) * price.sqsRequest,
    logs: (invocations * (logBytes + platformLogBytes) * price.logGb) / 1e9,
    metrics: metrics === 'all' ? 3 * months * price.metricMonth : 0,
  };
  return { ...parts, sum: parts.lambda + parts.sqs + parts.logs + parts.metrics };
}

/** Dollars for a month in which nothing comes: the secret, the polls of the queues, and the look at open records every 15 minutes. */
function idleMonth({ mappings }: Setup) {
  const pollsOf = (isBounded: boolean) => ((isBounded ? 5 : 2) * secondsAMonth) / 20;
  const requests = (isFifo: boolean) =>
    mappings.filter((one) => one.isFifo === isFifo).reduce((sum, one) => sum + pollsOf(one.isBounded), 0);
  const [standard, fifo] = [requests(false), requests(true)];
  const polls = standard * price.sqsRequest + fifo * price.fifoRequest;
  const looks = secondsAMonth / 900;
  // A second at 512 MB each, in a process that has to read the secret again.
  const reconciling = looks * (price.lambdaRequest + 0.5 * price.gbSecond + price.secretRead);
  const others = price.secretMonth + reconciling;
  const freeOnes = Math.min(standard, freeSqsRequests) * price.sqsRequest;
  return { sum: others + polls, withFreeSqs: others + polls - freeOnes };
}

function dollars(value: number): string {
  return `$${value.toFixed(2)}`;
}

function describe({ lambda, sqs, logs, metrics }: ReturnType<typeof trickle>): string {
  const parts = Object.entries({ Lambda: lambda, SQS: sqs, logs, metrics });
  return parts.map(([name, value]) => `${name} ${dollars(value)}`).join(', ');
}

const mostTrickle = 2;
const mostIdle = 1;
/** As bodies of a batch may have, together: Lambda hands over 6 MB at most. */
const largest = { messagesPerInvocation: 20, characters: 250_000, invocations: 20 };
/** Of the function's memory, which Lambda's runtime shares. */
const mostOfMemory = 0.8;

/** Where the dollars go: a trickle of creates, as it was and as it is deployed, and an idle month. */
async function measure(): Promise<Row[]> {
  const now = asDeployed();
  await using opened = new AsyncDisposableStack();
  const instance = opened.adopt(await startInstance(), (one) => one.close());
  const { url: dynamoDbUrl } = opened.adopt(await startStateTable(), (one) => one.close());
  const outside = { instance, dynamoDbUrl };
  const rows: Row[] = [];
  for (const [what, setup] of Object.entries({ before, 'as deployed': now })) {
    const done = await measureTrickle(outside, setup);
    const cost = trickle(setup, done);
    const { windowSeconds, memoryMb } = setup;
    const isNow = setup === now;
    rows.push({
      what: `1,000,000 creates, one a second, ${what} (${windowSeconds} s, ${memoryMb} MB): ${describe(cost)}`,
      measured: dollars(cost.sum),
      ...(isNow && { limit: `≤ ${dollars(mostTrickle)}`, ok: cost.sum <= mostTrickle }),
    });
    rows.push({
      what: '  CPU and log of an invocation',
      measured: `${round(done.cpuMs)} ms, ${round(done.logBytes)} bytes`,
    });
    const idle = idleMonth(setup);
    rows.push({
      what: `idle month ${what}; without the free requests of SQS ${dollars(idle.sum)}`,
      measured: dollars(idle.withFreeSqs),
      ...(isNow && { limit: `≤ ${dollars(mostIdle)}`, ok: idle.withFreeSqs <= mostIdle }),
    });
  }
  const { maxRssMb } = await measureTrickle(outside, now, largest);
  rows.push({
    what: `memory of a process after ${largest.invocations} batches of 5 MB`,
    measured: `${round(maxRssMb)} MB`,
    limit: `≤ ${mostOfMemory * 100} % of ${now.memoryMb} MB`,
    ok: maxRssMb <= mostOfMemory * now.memoryMb,
  });
  return rows;
}

export const name = 'cost';
export const run = measure;

if (import.meta.main) await runAlone({ name, run } satisfies Bench);
