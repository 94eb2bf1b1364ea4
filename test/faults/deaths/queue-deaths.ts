import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import { SecrecyWatch } from '../../secrecy/watch.ts';
import { type Dice, diceOf } from '../harness/dice.ts';
import { type FaultStack, setProperty, startFaultStack } from '../harness/fault-stack.ts';
import type { Damage, StormReport } from '../harness/storm-report.ts';
import { hasReached, judgeStories } from '../records/judge.ts';
import { takeSnapshot } from '../records/observe.ts';
import { PostOffice } from '../records/post-office.ts';
import { makeStory, storyKinds } from '../records/stories.ts';
import { addRules, stormSchema, stormTables } from '../records/storm-schema.ts';
import type { Story } from '../records/story.ts';
import { draw, Executioner, everyMoment, type Moment } from './deaths.ts';
import { HandDelivery, ownQueues } from './hand-delivery.ts';

export type QueueDeathOptions = {
  readonly seed: number;
  readonly batchApi: boolean;
  /** Kinds of stories that happen at once. @default all */
  readonly kinds?: readonly string[];
  /** Tries only so many moments, drawn by the seed. @default all */
  readonly moments?: number;
  readonly onProgress?: (moment: string) => void;
};

const longestWaitMs = 300_000;
/** A dead process holds what it was at work on for as long as it might have run. */
const functionTimeoutSeconds = 8;

/**
 * Lets the writer's process die at every call that it makes, before and after the call's effect, and judges each time what the
 * instance holds. The messages are those of one story of each kind, in one batch.
 */
export async function runQueueDeaths(options: QueueDeathOptions): Promise<StormReport> {
  const started = performance.now();
  const watch = new SecrecyWatch();
  const { batchApi, seed, moments } = options;
  const stack = await startFaultStack({
    watch,
    instance: { schema: stormSchema, demoData: false },
    roles: ['itil'],
    maxProcesses: 1,
    environment: {
      ALLOWED_TABLES: Object.values(stormTables).join(),
      CORRELATION_ID_TABLES: `${stormTables.correlated},${stormTables.hiddenCorrelated}`,
      RECORDS_BATCH_API: String(batchApi),
      RECORDS_FIRST_DELAY_SECONDS: '1',
      RECORDS_LONGEST_DELAY_SECONDS: '1',
      RECORDS_IN_DOUBT_SECONDS: '1',
    },
    queues: ownQueues,
    template: (template) =>
      setProperty(template, 'WriteRecordsLambdaFunction', 'Timeout', functionTimeoutSeconds),
  });
  try {
    const trials = new Trials(stack, await HandDelivery.open(stack), options, diceOf(seededRandom(seed)));
    const calls = await trials.countCalls();
    const all = everyMoment(calls);
    const chosen = moments === undefined ? all : draw(all, moments, seededRandom(seed + 1));
    const damages: Damage[] = [...trials.damages];
    let deaths = 0;
    for (const moment of chosen) {
      const { struck, found } = await trials.run(moment);
      if (struck !== undefined) deaths += 1;
      damages.push(...found.map(({ kind, text }) => ({ kind, text: `death ${struck}: ${text}` })));
      options.onProgress?.(`${struck}: ${found.length}`);
    }
    const leaks = await stack.close();
    const title = `${deaths} deaths of writeRecords in ${batchApi ? 'batches' : 'single calls'} of ${calls} calls`;
    return {
      title,
      seconds: (performance.now() - started) / 1000,
      occurred: { deaths },
      damages: [...damages, ...leaks.map((text): Damage => ({ kind: 'leak', text }))],
    };
  } finally {
    await stack.close();
  }
}

class Trials {
  readonly damages: Damage[] = [];
  readonly #stack: FaultStack;
  readonly #delivery: HandDelivery;
  readonly #options: QueueDeathOptions;
  readonly #dice: Dice;
  readonly #executioner: Executioner;
  #number = 0;

  constructor(stack: FaultStack, delivery: HandDelivery, options: QueueDeathOptions, dice: Dice) {
    this.#stack = stack;
    this.#delivery = delivery;
    this.#options = options;
    this.#dice = dice;
    this.#executioner = new Executioner(stack, 'writeRecords');
    for (const { instance } of Object.values(stack.instances)) addRules(instance);
  }

  /** Runs once without a death, from a process that has just started. */
  async countCalls(): Promise<number> {
    const { found } = await this.run(undefined);
    this.damages.push(...found.map(({ kind, text }) => ({ kind, text: `without a death: ${text}` })));
    return this.#executioner.calls;
  }

  async run(moment: Moment | undefined): Promise<{ struck: string | undefined; found: readonly Damage[] }> {
    this.#number += 1;
    const stories = (this.#options.kinds ?? storyKinds).map((kind, index) => {
      const id = `d${this.#options.seed}x${this.#number}x${index}`;
      return makeStory({ id, kind, instance: 'first', contents: 'contents' }, this.#dice);
    });
    const { store } = this.#stack.instances.first.instance.state;
    for (const { seeded, table } of stories)
      for (const { sysId, values } of seeded) store.seed(table, { sys_id: sysId, active: 'true', ...values });
    await this.#stack.kill('writeRecords');
    this.#executioner.arm(moment);
    const office = new PostOffice(this.#stack, this.#delivery.urls);
    const stuck = await this.#lead(stories, office);
    const found = await judgeStories(this.#stack, stories, office.bodies);
    return { struck: this.#executioner.struck, found: [...stuck, ...found] };
  }

  /** Leads the stories through their phases together. */
  async #lead(stories: readonly Story[], office: PostOffice): Promise<readonly Damage[]> {
    const damages: Damage[] = [];
    const longest = Math.max(...stories.map(({ phases }) => phases.length));
    const stuck = new Set<Story>();
    for (let phase = 0; phase < longest; phase += 1) {
      const snapshot = takeSnapshot(this.#stack.instances.first.instance);
      const outgoing = stories.flatMap((story) => {
        const rows = snapshot.rows(story);
        if (stuck.has(story)) return [];
        if (phase > 0 && !hasReached(story, phase, snapshot)) {
          damages.push(stuckAt(story, phase));
          stuck.add(story);
          return [];
        }
        for (const person of story.phases[phase]?.people ?? []) this.#letPersonWork(story, person, rows);
        return (story.phases[phase]?.sendings ?? []).map((sending) => ({ sending, rows }));
      });
      await office.send(outgoing);
      if (!(await this.#delivery.deliverAll(longestWaitMs)))
        damages.push({ kind: 'left in the queue', text: `messages of phase ${phase + 1}` });
    }
    return damages;
  }

  #letPersonWork(
    { table, seeded }: Story,
    { target, match, values = {} }: Story['phases'][number]['people'][number],
    rows: ReturnType<ReturnType<typeof takeSnapshot>['rows']>,
  ): void {
    const sysId = seeded.find(({ name }) => name === target)?.sysId;
    const found = rows.find((row) =>
      match
        ? Object.entries(match).every(([column, value]) => row[column] === value)
        : row['sys_id'] === sysId,
    );
    const by = { userName: 'a.person', sysId: '0'.repeat(32) };
    if (found)
      this.#stack.instances.first.instance.state.store.update(table, found['sys_id'] ?? '', values, by);
  }
}

const stuckAt = ({ kind, id }: Story, phase: number): Damage => ({
  kind: 'wrong state',
  text: `${kind} (${id}) after phase ${phase}`,
});
