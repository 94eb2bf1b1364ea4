import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import { SecrecyWatch } from '../../secrecy/watch.ts';
import { disturbDynamoDb, refuseSqs } from '../harness/aws-refusals.ts';
import { type Dice, diceOf } from '../harness/dice.ts';
import { type FaultStack, setProperty, startFaultStack, type Template } from '../harness/fault-stack.ts';
import { type Counts, type Damage, type StormReport, sumOf } from '../harness/storm-report.ts';
import { countTroubles, stirUp } from '../harness/weather.ts';
import { judgeStories } from './judge.ts';
import { type Outgoing, PostOffice } from './post-office.ts';
import { Stage } from './stage.ts';
import { makeStories } from './stories.ts';
import { addRules, stormSchema, stormTables, unkindSwitches } from './storm-schema.ts';
import type { Story } from './story.ts';

export type RecordStormOptions = {
  readonly messages: number;
  readonly seed: number;
  /** Longest time for the queues to run dry, in milliseconds. */
  readonly longestWaitMs: number;
  /** False sends every record as a request of its own. @default by the seed */
  readonly batchApi?: boolean;
  /** Only stories whose kind holds this text. @default all */
  readonly stories?: string;
  readonly onProgress?: (left: number) => void;
};

/** Short enough that a run sees many of them pass. */
const functionTimeoutSeconds = 8;
const visibilitySeconds = 10;
/** No request is at work for longer on the instances of a storm. */
const quotaMs = 2_000;

/** Sends a storm of messages while everything around the function misbehaves, and judges what the instances hold. */
export async function runRecordStorm(options: RecordStormOptions): Promise<StormReport> {
  const random = seededRandom(options.seed);
  const dice = diceOf(random);
  const watch = new SecrecyWatch();
  const troubles = countTroubles();
  const { batchApi = options.seed % 3 !== 0 } = options;
  const stack = await startFaultStack({
    watch,
    instance: {
      schema: stormSchema,
      demoData: false,
      switches: unkindSwitches(options.seed, quotaMs),
      // What is wrong in the end is explained by all that was written.
      ledgerEntries: 1_000_000,
    },
    // No administrator: rules that hide rows hold for the user.
    roles: ['itil'],
    environment: {
      ALLOWED_TABLES: Object.values(stormTables).join(),
      CORRELATION_ID_TABLES: `${stormTables.correlated},${stormTables.hiddenCorrelated}`,
      RECORDS_BATCH_API: String(batchApi),
      RECORDS_FIRST_DELAY_SECONDS: '1',
      RECORDS_LONGEST_DELAY_SECONDS: '3',
      RECORDS_IN_DOUBT_SECONDS: String(quotaMs / 1000 + 1),
    },
    template: shorten,
    onLine: troubles.line,
    onEvent: troubles.event,
  });
  try {
    const contents = watch.content('record');
    const stories = makeStories(
      { ...options, contents, secondInstancePercent: 15, only: options.stories },
      dice,
    );
    const storm = new RecordStorm(stack, stories, dice, { ...options, batchApi });
    const report = await storm.run();
    const leaks = await stack.close();
    const cut = unkindSwitches(options.seed, quotaMs).journalMaxCharacters ?? 0;
    const kinds = [batchApi ? 'batches' : 'single calls', `notes cut at ${cut || 'no'} characters`];
    const ofRun = Object.fromEntries(kinds.map((kind) => [kind, 1]));
    const occurred = { ...report.occurred, ...troubles.counts, ...ofRun };
    return { ...report, occurred, damages: [...report.damages, ...leaks.map(leakOf)] };
  } finally {
    await stack.close();
  }
}

const leakOf = (text: string): Damage => ({ kind: 'leak', text });

/** FIFO switched on, and the writer's time cut short. */
function shorten(template: Template): void {
  template.Parameters['RecordsFifo'] = { Default: 'true' };
  for (const queue of ['RecordsQueue', 'RecordsFifoQueue'])
    setProperty(template, queue, 'VisibilityTimeout', visibilitySeconds);
  setProperty(template, 'WriteRecordsLambdaFunction', 'Timeout', functionTimeoutSeconds);
}

/** Copies of younger messages are not expected where SQS counts one receive. */
const oldMs = 12_000;

class RecordStorm {
  readonly #stack: FaultStack;
  readonly #office: PostOffice;
  readonly #stage: Stage;
  readonly #dice: Dice;
  readonly #options: RecordStormOptions;
  readonly #counts: Record<string, number> = {
    'kill -9': 0,
    'raced copies': 0,
    'rotated credentials': 0,
    'late copies': 0,
    'late copies without a key': 0,
  };
  readonly #races: Promise<void>[] = [];

  constructor(stack: FaultStack, stories: readonly Story[], dice: Dice, options: RecordStormOptions) {
    this.#stack = stack;
    this.#office = new PostOffice(stack);
    this.#stage = new Stage(stack, stories, (outgoing) => this.#send(outgoing));
    this.#dice = dice;
    this.#options = options;
  }

  async run(): Promise<StormReport> {
    const started = performance.now();
    const { instances, sqsProxy, dynamoDbProxy } = this.#stack;
    for (const { instance } of Object.values(instances)) addRules(instance);
    const { seed, messages, batchApi = true } = this.#options;
    const weather = Object.values(instances).map((one, index) =>
      stirUp(one, {
        random: this.#dice.random,
        seed: seed + index,
        batchApi,
        requests: Math.ceil(index === 0 ? messages / 3 : messages / 15),
        lateMs: { from: 200, to: quotaMs },
      }),
    );
    const refusals = [refuseSqs(this.#dice.random, 0.1), disturbDynamoDb(this.#dice.random, 0.05)] as const;
    sqsProxy.decide = refusals[0].decide;
    dynamoDbProxy.decide = refusals[1].decide;
    const left = (await this.#untilCalm(true)) + (await this.#echo());
    const undone: Damage[] = left > 0 ? [{ kind: 'left in the queue', text: `${left} messages` }] : [];
    const begun = this.#stage.begunStories();
    const damages = [...undone, ...(await judgeStories(this.#stack, begun, this.#office.bodies))];
    const requests = Object.values(instances).reduce((sum, { proxy }) => sum + proxy.count, 0);
    const occurred = sumOf([
      countKinds(begun),
      this.#counts,
      this.#office.counts,
      ...refusals.map(({ counts }) => counts),
      ...weather.map((count) => count()),
    ]);
    const seconds = (performance.now() - started) / 1000;
    const title = `${this.#office.posted.length} messages in ${requests} requests`;
    return { title, seconds, occurred, damages };
  }

  /** Sends messages, and delivers some of them twice at once. */
  async #send(outgoing: readonly Outgoing[]): Promise<void> {
    const posted = await this.#office.send(shuffleLoose(outgoing, this.#dice));
    // A FIFO queue hands nothing out twice.
    const raced = posted.filter(({ sending }) => sending.group === undefined && this.#dice.chance(10));
    if (raced.length === 0) return;
    this.#counts['raced copies'] = (this.#counts['raced copies'] ?? 0) + raced.length;
    this.#races.push(this.#office.race(raced));
  }

  /** Leads the stories through their phases, and kills the function now and then, until nothing is left to do. */
  async #untilCalm(isWild: boolean): Promise<number> {
    const { longestWaitMs, onProgress } = this.#options;
    const endsAt = Date.now() + longestWaitMs;
    for (let calm = 0; calm < 2; ) {
      const left = await this.#office.left();
      onProgress?.(left);
      if (Date.now() > endsAt) return left + this.#stage.waiting;
      const moved = await this.#stage.advance(left);
      calm = left === 0 && !moved ? calm + 1 : 0;
      await delay(150 + this.#dice.random() * 150);
      if (isWild) await this.#disturb();
    }
    await Promise.all(this.#races.splice(0));
    return 0;
  }

  /** A large storm is disturbed from its first message to its last. */
  async #disturb(): Promise<void> {
    const { messages } = this.#options;
    const share = this.#stage.begunShare;
    const kills = 2 + Math.floor((messages / 500) * share);
    const rotations = 1 + Math.floor((messages / 5_000) * share);
    if (this.#below('kill -9', kills) && this.#dice.chance(40)) await this.#killOne();
    if (this.#below('rotated credentials', rotations) && this.#dice.chance(25)) await this.#rotate();
  }

  #below(name: string, most: number): boolean {
    return (this.#counts[name] ?? 0) < most;
  }

  async #killOne(): Promise<void> {
    const killed = await this.#stack.kill('writeRecords', (pids) => {
      const pid = pids[Math.floor(this.#dice.random() * pids.length)];
      return pid === undefined ? [] : [pid];
    });
    this.#counts['kill -9'] = (this.#counts['kill -9'] ?? 0) + killed;
  }

  async #rotate(): Promise<void> {
    this.#counts['rotated credentials'] = (this.#counts['rotated credentials'] ?? 0) + 1;
    await this.#stack.instances.first.rotate();
  }

  /**
   * When everything is done, some messages are sent once more under their old keys, and some without a key are handed out once more as
   * if for the first time. Nothing may change.
   */
  async #echo(): Promise<number> {
    const old = this.#office.posted.filter(
      ({ sending, sentAtMs }) => sentAtMs < Date.now() - oldMs && !sending.isKeyed && !sending.group,
    );
    const unkeyed = old.filter(() => this.#dice.chance(20));
    this.#counts['late copies without a key'] = unkeyed.length;
    this.#races.push(this.#office.race(unkeyed, 1));
    const keyed = this.#office.posted.filter(({ sending }) => sending.isKeyed && this.#dice.chance(8));
    const again = [...new Set(keyed.map(({ sending }) => sending))];
    this.#counts['late copies'] = again.length;
    await this.#office.send(again.map((sending) => ({ sending, rows: [] })));
    return this.#untilCalm(false);
  }
}

function countKinds(stories: readonly Story[]): Counts {
  const kinds = Map.groupBy(stories, ({ kind }) => kind);
  return Object.fromEntries([...kinds].map(([kind, members]) => [kind, members.length]));
}

/** Messages of a FIFO group keep their order; all others have none. */
function shuffleLoose(outgoing: readonly Outgoing[], { random }: Dice): readonly Outgoing[] {
  const grouped = outgoing.filter(({ sending }) => sending.group !== undefined);
  const loose = outgoing.filter(({ sending }) => sending.group === undefined);
  for (let last = loose.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [loose[last], loose[other]];
    if (a && b) [loose[last], loose[other]] = [b, a];
  }
  return [...loose, ...grouped];
}
