import { setTimeout as delay } from 'node:timers/promises';
import { GetQueueAttributesCommand, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { seededRandom } from '../../local/instance/control/seeded-random.ts';
import { SecrecyWatch } from '../secrecy/watch.ts';
import { judgeStorm } from './storm-judge.ts';
import { planStorm, type StormMessage, type StormPlan } from './storm-messages.ts';
import { type StormStack, startStormStack } from './storm-stack.ts';

export type StormOptions = {
  readonly messages: number;
  readonly seed: number;
  /** Longest time for the queues to run dry, in milliseconds. */
  readonly patienceMs: number;
  readonly onProgress?: (left: number) => void;
  /** One line that a function wrote. */
  readonly onLog?: (line: string) => void;
};

/** What went over the queue, and what is wrong with what came out: nothing, when all is well. */
export type StormReport = {
  readonly sent: number;
  readonly kills: number;
  readonly requests: number;
  readonly seconds: number;
  readonly wrong: readonly string[];
};

/** Sends a storm of messages while the instance misbehaves and the function is killed, and judges what the instance holds. */
export async function runRecordStorm(options: StormOptions): Promise<StormReport> {
  const random = seededRandom(options.seed);
  const watch = new SecrecyWatch();
  const plan = planStorm(options.messages, options.seed, random, watch.content('record'));
  const storm = await startStormStack(watch, options.onLog);
  try {
    const report = await runStorm(storm, plan, random, options);
    const leaks = await storm.close();
    return { ...report, wrong: [...report.wrong, ...leaks] };
  } finally {
    await storm.close();
  }
}

async function runStorm(
  storm: StormStack,
  plan: StormPlan,
  random: () => number,
  options: StormOptions,
): Promise<StormReport> {
  const started = performance.now();
  seedRecords(storm, plan);
  stirUp(storm, random, options);
  await sendAll(storm, plan.messages);
  const racing = raceCopies(storm, plan.messages);
  const kills = await waitUntilDry(storm, random, options);
  await racing;
  const requests = storm.stack.instance.state.ledger.select({ limit: 1_000_000 }).length;
  const seconds = (performance.now() - started) / 1000;
  return { sent: plan.messages.length, kills, requests, seconds, wrong: await judge(storm, plan) };
}

function seedRecords({ stack }: StormStack, { records }: StormPlan): void {
  const { store } = stack.instance.state;
  for (const sys_id of Object.values(records).flat())
    store.seed('incident', { sys_id, short_description: 'before' });
}

/** One of each kind for some fifty messages, strewn over the requests that they will take. */
function stirUp({ stack }: StormStack, random: () => number, { messages, seed }: StormOptions): void {
  const { faults } = stack.instance.control;
  const kinds: readonly { action: string; [parameter: string]: unknown }[] = [
    { action: 'reset-before-commit' },
    { action: 'reset-after-commit' },
    { action: 'server-error' },
    { action: 'error-after-commit' },
    { action: 'truncate' },
    { action: 'throttled' },
    { action: 'throttled', retryAfterS: 1 },
    { action: 'unavailable' },
    { action: 'hibernate' },
    { action: 'expired-token' },
    { action: 'stall', stallMs: 60_000 },
  ];
  for (const [index, kind] of kinds.entries()) {
    const count = kind.action === 'stall' ? 1 + Math.floor(messages / 2000) : 1 + Math.floor(messages / 200);
    faults.add({
      match: { path: '/api/now/*' },
      ...kind,
      count,
      probability: 0.1 + random() * 0.2,
      seed: seed + index,
    });
  }
}

async function sendAll(
  { sqs, queueUrl, fifoQueueUrl }: StormStack,
  messages: readonly StormMessage[],
): Promise<void> {
  const grouped = messages.filter(({ group }) => group !== undefined);
  const loose = messages.filter(({ group }) => group === undefined);
  for (const [QueueUrl, members] of [
    [queueUrl, loose],
    [fifoQueueUrl, grouped],
  ] as const) {
    for (let offset = 0; offset < members.length; offset += 10) {
      const Entries = members
        .slice(offset, offset + 10)
        .map((message, index) => toEntry(message, index, offset));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    }
  }
}

function toEntry({ body, key, group }: StormMessage, index: number, offset: number) {
  return {
    Id: String(index),
    MessageBody: body,
    ...(key !== undefined && {
      MessageAttributes: { IdempotencyKey: { DataType: 'String', StringValue: key } },
    }),
    ...(group !== undefined && { MessageGroupId: group, MessageDeduplicationId: String(offset + index) }),
  };
}

/**
 * Hands copies of messages that have a key to the function past the queue, so that two of its processes work on the same
 * records at once. Journal entries are left out: two processes at the same moment cannot see each other's.
 */
async function raceCopies(
  { stack, functionArn, queueUrl }: StormStack,
  messages: readonly StormMessage[],
): Promise<void> {
  const keyed = messages.filter(({ kind, key }) => key !== undefined && kind !== 'ordered').slice(0, 200);
  for (let offset = 0; offset < keyed.length; offset += 50) {
    const Records = keyed.slice(offset, offset + 50).map(({ body, key = '' }, index) => ({
      messageId: `copy-${offset + index}`,
      receiptHandle: 'none',
      body,
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: String(Date.now()),
        ApproximateFirstReceiveTimestamp: String(Date.now()),
      },
      messageAttributes: { IdempotencyKey: { dataType: 'String', stringValue: key } },
      eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queueUrl.split('/').at(-1)}`,
    }));
    await stack.host.invoke(functionArn, { Records });
  }
}

/** Kills the function now and then until nothing is left to do. */
async function waitUntilDry(storm: StormStack, random: () => number, options: StormOptions): Promise<number> {
  const killsPlanned = 2 + Math.floor(options.messages / 500);
  let kills = 0;
  const endsAt = Date.now() + options.patienceMs;
  while (Date.now() < endsAt) {
    await delay(200 + random() * 800);
    const left = await leftIn(storm.sqs, [storm.queueUrl, storm.fifoQueueUrl]);
    options.onProgress?.(left);
    if (left === 0) return kills;
    if (kills < killsPlanned && random() < 0.5) kills += await killOne(storm);
  }
  return kills;
}

async function killOne({ stack, functionArn }: StormStack): Promise<number> {
  const [pid] = await stack.host.pids(functionArn);
  if (pid === undefined) return 0;
  process.kill(pid, 'SIGKILL');
  return 1;
}

async function leftIn(sqs: SQSClient, urls: readonly string[]): Promise<number> {
  const AttributeNames = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  const counts = urls.map(async (QueueUrl) => {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
    );
    return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** What the queues still hold, and what the instance and the dead-letter queue hold that they should not. */
async function judge(storm: StormStack, plan: StormPlan): Promise<readonly string[]> {
  const left = await leftIn(storm.sqs, [storm.queueUrl, storm.fifoQueueUrl]);
  const undone = left > 0 ? [`${left} messages were left in the queues`] : [];
  return [...undone, ...(await judgeStorm(storm, plan))];
}
