import { setTimeout as delay } from 'node:timers/promises';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageBatchCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { REGION } from '../../emulator/aws/account.ts';
import { type Log, silentLog } from '../../emulator/aws/log.ts';
import { seededRandom } from '../../emulator/instance/control/seeded-random.ts';
import type { Stack } from '../../emulator/stack/stack.ts';
import { encodedQuery } from '../../lib/servicenow/encoded-query.ts';
import { breakages } from '../break/faults.ts';
import { counted } from '../counted.ts';
import { countQueue } from '../queue/count-queue.ts';
import { showProgress } from './progress-view.ts';
import { InstanceView } from './scene.ts';

export type ChaosOptions = {
  readonly messages: number;
  /** Decides the order of the breakages, which requests they meet, and when processes are killed. */
  readonly seed: number;
};

/** What the instance holds of the messages that were sent. */
export type Tally = { readonly sent: number; readonly records: number; readonly twice: number };

/** Delays that a demo can wait for; a deployment waits longer (docs/configuration.md). */
export const chaosEnvironment = { RECORDS_FIRST_DELAY_SECONDS: '1', RECORDS_LONGEST_DELAY_SECONDS: '5' };
/** What a killed process leaves undone is received again after so long; a deployment waits for six minutes. */
const visibilitySeconds = 10;
const turnMs = 4_000;
/** Where no request has come yet, because a process takes so long to start. */
const longestTurnMs = 20_000;
const killsPerTurn = 2;
const batchSize = 10;
const longestWaitMs = 600_000;
/** How long the instance may still write after the last answer was lost. */
const lateCommitMs = 3_000;
/** An expired token is replaced, and a second one in a row counts as refused credentials, which are tried again after half a minute. */
const shares: Readonly<Record<string, number>> = { 'expired-tokens': 0.5 };
const usualShare = 0.7;

/** Counts the invocations that died at work. */
export function countLostInvocations(): { readonly log: Log; count(): number } {
  let lost = 0;
  const log: Log = {
    ...silentLog,
    warn(event) {
      if (event === 'batch-failed') lost += 1;
    },
  };
  return { log, count: () => lost };
}

/**
 * Sends messages while the instance breaks in every way that it can, by turns, and while processes of the function are killed. Then
 * waits until the queue is empty.
 * @param stack a fresh one, started with `chaosEnvironment`
 * @returns counted from the instance
 */
export async function causeChaos(
  stack: Stack,
  { messages, seed }: ChaosOptions,
  lostInvocations: () => number,
  say: (line: string) => void,
): Promise<Tally> {
  const local = { region: REGION, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  const sqs = new SQSClient({ ...local, endpoint: stack.endpoints.sqs.endpoint });
  const queueUrl = stack.endpoints.sqs.recordsQueueUrl;
  const random = seededRandom(seed);
  await useTokens(stack, local);
  const Attributes = { VisibilityTimeout: `${visibilitySeconds}` };
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes }));
  const bodies = Array.from({ length: messages }, (_, n) => message(seed, n));
  const turns = shuffled(Object.keys(breakages), random);
  for (const [turn, name] of turns.entries()) {
    const share = bodies.slice(
      Math.floor((turn / turns.length) * messages),
      Math.floor(((turn + 1) / turns.length) * messages),
    );
    const breakage = startBreakage(stack, name, seed + turn);
    const shortest = delay(turnMs);
    await send(sqs, queueUrl, share);
    const killed = await kill(stack, random, breakage.met);
    await shortest;
    const met = breakage.end();
    say(`   ${name.padEnd(14)}  ${share.length} sent, requests broken: ${met}, processes killed: ${killed}`);
  }
  say(
    `The instance works again; invocations that died at work: ${lostInvocations()}. Waiting for the rest …`,
  );
  await emptied(sqs, queueUrl, messages, say);
  const letters = await countQueued(sqs, stack.endpoints.sqs.recordsDlqUrl);
  if (letters > 0) say(`Dead letters: ${letters}`);
  sqs.destroy();
  await delay(lateCommitMs);
  return count(new InstanceView(stack.endpoints.instance), seed, messages);
}

/** @returns a line that names the three numbers, and whether every message became one record */
export function conclude({ sent, records, twice }: Tally): {
  readonly line: string;
  readonly isWell: boolean;
} {
  return {
    line: `${sent} sent, ${counted(records, 'record')}, ${twice} twice`,
    isWell: records === sent && twice === 0,
  };
}

/** Counts what the instance holds by what every record carries of its message. */
export async function count(
  instance: Pick<InstanceView, 'rows'>,
  seed: number,
  sent: number,
): Promise<Tally> {
  const ofRun = encodedQuery().where('correlation_display', '=', runOf(seed));
  const rows = await instance.rows('incident', ofRun, 'correlation_id');
  const messages = new Set(rows.map(({ correlation_id }) => correlation_id));
  return { sent, records: rows.length, twice: rows.length - messages.size };
}

const runOf = (seed: number) => `chaos ${seed}`;

function message(seed: number, n: number): string {
  const correlation_id = `chaos-${seed}-${n}`;
  const record = {
    short_description: `Fan ${n} is slow`,
    correlation_id,
    correlation_display: runOf(seed),
  };
  return JSON.stringify({ table: 'incident', key: correlation_id, record });
}

/** Tokens can expire, which a basic login cannot. */
async function useTokens(
  { endpoints, instance }: Stack,
  local: ConstructorParameters<typeof SecretsManagerClient>[0],
): Promise<void> {
  const { url, username, password, oauth } = instance;
  const auth = { type: 'oauth-password', ...oauth, username, password };
  const secrets = new SecretsManagerClient({ ...local, endpoint: endpoints.secretsManager.endpoint });
  const SecretString = JSON.stringify({ instanceUrl: url, auth });
  await secrets.send(new PutSecretValueCommand({ SecretId: 'servicenow-functions/dev', SecretString }));
  secrets.destroy();
}

/** A breakage that runs, and how many requests have met it. */
type Running = { met(): number; end(): number };

function startBreakage({ instance }: Stack, name: string, seed: number): Running {
  const { faults } = instance.control;
  const probability = shares[name] ?? usualShare;
  const ids = (breakages[name]?.faults ?? []).map((fault) => faults.add({ ...fault, probability, seed }));
  const met = () =>
    faults.list().reduce((sum, { id, applied }) => (ids.includes(id) ? sum + applied : sum), 0);
  return {
    met,
    end() {
      const all = met();
      for (const id of ids) faults.clear(id);
      return all;
    },
  };
}

async function send(sqs: SQSClient, QueueUrl: string, bodies: readonly string[]): Promise<void> {
  for (let from = 0; from < bodies.length; from += batchSize) {
    const part = bodies.slice(from, from + batchSize);
    const Entries = part.map((MessageBody, n) => ({ Id: `${n}`, MessageBody }));
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    if (Failed.length > 0)
      throw new Error(`SQS took ${counted(Failed.length, 'message')} less than were sent`);
  }
}

/**
 * Kills every process of the function that takes records, a moment after the breakage has met one of their requests: then they are at
 * work. Twice, as far as the turn is long enough.
 * @returns how many processes
 */
async function kill(stack: Stack, random: () => number, met: () => number): Promise<number> {
  const name = new URL(stack.endpoints.sqs.recordsQueueUrl).pathname.split('/').at(-1);
  const mapping = stack.resources.eventSourceMappings.find(({ queueArn }) => queueArn.endsWith(`:${name}`));
  if (!mapping) throw new Error(`No function takes messages from ${name}`);
  const startedMs = Date.now();
  let killed = 0;
  for (let n = 0; n < killsPerTurn; n += 1) {
    const before = met();
    const untilMs = startedMs + (killed === 0 ? longestTurnMs : turnMs);
    while (met() === before && Date.now() < untilMs) await delay(10);
    if (met() === before) return killed;
    await delay(random() * 300);
    const pids = await stack.host.pids(mapping.functionArn);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    killed += pids.length;
  }
  return killed;
}

async function emptied(
  sqs: SQSClient,
  queueUrl: string,
  messages: number,
  say: (line: string) => void,
): Promise<void> {
  const progress = showProgress(messages, say, 'messages');
  const untilMs = Date.now() + longestWaitMs;
  for (;;) {
    const left = await countQueued(sqs, queueUrl);
    progress.at(Math.max(0, messages - left));
    if (left === 0 || Date.now() > untilMs) break;
    await delay(500);
  }
  progress.stop();
}

/** All of them: to be received, in work, and delayed. */
async function countQueued(sqs: SQSClient, queueUrl: string): Promise<number> {
  const { visible, inFlight, delayed } = await countQueue(sqs, queueUrl);
  return visible + inFlight + delayed;
}

function shuffled<One>(all: readonly One[], random: () => number): readonly One[] {
  const keyed = all.map((one) => ({ one, at: random() }));
  return keyed.toSorted((a, b) => a.at - b.at).map(({ one }) => one);
}
