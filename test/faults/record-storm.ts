import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../emulator/instance/control/seeded-random.ts';
import { SecrecyWatch } from '../secrecy/watch.ts';
import { judgeStorm } from './storm-judge.ts';
import { planStorm, type StormPlan } from './storm-messages.ts';
import { leftInQueues, sendAll } from './storm-queues.ts';
import { raceCopies } from './storm-race.ts';
import { type StormStack, startStormStack } from './storm-stack.ts';
import { type Counts, countTroubles, stirUp } from './storm-weather.ts';

export type StormOptions = {
  readonly messages: number;
  readonly seed: number;
  /** Longest time for the queues to run dry, in milliseconds. */
  readonly patienceMs: number;
  readonly onProgress?: (left: number) => void;
};

/** What went over the queue, and what is wrong with what came out: nothing, when all is well. */
export type StormReport = {
  readonly sent: number;
  readonly requests: number;
  readonly seconds: number;
  /** What befell it: each kind of fault, kills, copies that raced, and so on. */
  readonly struck: Counts;
  readonly wrong: readonly string[];
};

/** Sends a storm of messages while the instance misbehaves and the function is killed, and judges what the instance holds. */
export async function runRecordStorm(options: StormOptions): Promise<StormReport> {
  const random = seededRandom(options.seed);
  const watch = new SecrecyWatch();
  const plan = planStorm(options.messages, options.seed, random, watch.content('record'));
  const troubles = countTroubles();
  const storm = await startStormStack(watch, troubles);
  try {
    const report = await runStorm(storm, plan, random, options);
    const leaks = await storm.close();
    const struck = { ...report.struck, ...troubles.counts };
    return { ...report, struck, wrong: [...report.wrong, ...leaks] };
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
  const weather = stirUp(storm, random, options);
  const sent = await sendAll(storm, plan.messages);
  const racing = raceCopies(storm, sent);
  const kills = await waitUntilDry(storm, random, options);
  const raced = await racing;
  const seconds = (performance.now() - started) / 1000;
  const struck = { ...weather(), 'kill -9': kills, ...plan.counts, raced };
  const requests = storm.stack.instance.state.ledger.total;
  return { sent: sent.length, requests, seconds, struck, wrong: await judge(storm, plan) };
}

function seedRecords({ stack }: StormStack, { records }: StormPlan): void {
  const { store } = stack.instance.state;
  for (const sys_id of Object.values(records).flat())
    store.seed('incident', { sys_id, short_description: 'before' });
}

/** Kills the function now and then until nothing is left to do. */
async function waitUntilDry(storm: StormStack, random: () => number, options: StormOptions): Promise<number> {
  const killsPlanned = 2 + Math.floor(options.messages / 500);
  let kills = 0;
  const endsAt = Date.now() + options.patienceMs;
  while (Date.now() < endsAt) {
    await delay(200 + random() * 800);
    const left = await leftInQueues(storm);
    options.onProgress?.(left);
    if (left === 0) return kills;
    if (kills < killsPlanned && random() < 0.6) kills += await killOne(storm, random);
  }
  return kills;
}

async function killOne({ stack, functionArn }: StormStack, random: () => number): Promise<number> {
  const pids = await stack.host.pids(functionArn);
  const pid = pids[Math.floor(random() * pids.length)];
  if (pid === undefined) return 0;
  process.kill(pid, 'SIGKILL');
  return 1;
}

/** What the queues still hold, and what the instance and the dead-letter queue hold that they should not. */
async function judge(storm: StormStack, plan: StormPlan): Promise<readonly string[]> {
  const left = await leftInQueues(storm);
  const undone = left > 0 ? [`${left} messages were left in the queues`] : [];
  return [...undone, ...(await judgeStorm(storm, plan))];
}
