import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import { SecrecyWatch } from '../../secrecy/watch.ts';
import { disturbDynamoDb, refuseSqs } from '../harness/aws-refusals.ts';
import { type Dice, diceOf } from '../harness/dice.ts';
import type { Decide } from '../harness/fault-proxy.ts';
import { type FaultStack, setProperty, startFaultStack, type Template } from '../harness/fault-stack.ts';
import { type Counts, type Damage, type StormReport, sumOf } from '../harness/storm-report.ts';
import { countTroubles, stirUp } from '../harness/weather.ts';
import { AlarmFeed } from './alarm-feed.ts';
import { judgeEvents } from './event-judge.ts';
import { readEventLetters } from './event-letters.ts';
import { EventOffice } from './event-office.ts';
import { IncidentWatch } from './incident-watch.ts';
import { personalWorks, workByHand } from './people.ts';
import { SignalFeed } from './signal-feed.ts';

export type EventStormOptions = {
  /** Messages that reach the functions, copies included. */
  readonly events: number;
  /** Things that the events are about. */
  readonly keys: number;
  readonly seed: number;
  /** Longest time for the queues to run dry, in milliseconds. */
  readonly longestWaitMs: number;
};

/** Messages on the queues at a time: enough for full batches. */
const mostOnQueues = 400;
/** Changes that are made together: at most, and as a share of all. */
const wave = { most: 80, share: 1 / 12 };
const functionTimeoutSeconds = 5;
const visibilitySeconds = 6;
const quotaMs = 2_000;
/** More requests for one event than that are a defect, where there are enough events to share them. */
const mostRequests = 2.2;
const fewestToCount = 2_000;

/** Alarms go off and clear, events of them are lost, doubled and swapped, people work on the incidents, and everything around breaks. */
export async function runEventStorm(options: EventStormOptions): Promise<StormReport> {
  const dice = diceOf(seededRandom(options.seed));
  const watch = new SecrecyWatch();
  const incidents = new IncidentWatch();
  const troubles = countTroubles();
  const { seed } = options;
  const stack = await startFaultStack({
    watch,
    instance: {
      demoData: false,
      onWrite: incidents.onWrite,
      switches: {
        transactionQuotaMs: quotaMs,
        lookupLagMs: seed % 3 === 1 ? 150 : 0,
        journalTextChanges: seed % 2 === 1 ? ['trim', 'collapse', 'crlf'] : [],
        closedIncidentIsFinal: seed % 2 === 0,
      },
    },
    roles: ['itil'],
    environment: {
      ALLOWED_TABLES: 'incident,sys_user_group,cmdb_ci',
      RECORDS_FIRST_DELAY_SECONDS: '1',
      RECORDS_LONGEST_DELAY_SECONDS: '3',
      RECORDS_IN_DOUBT_SECONDS: String(quotaMs / 1000 + 1),
    },
    template: shorten,
    onLine: troubles.line,
    onEvent: troubles.event,
  });
  try {
    incidents.observe(stack.instances.first.instance);
    const report = await new EventStorm(stack, dice, incidents, options).run();
    const leaks = await stack.close();
    const leaked = leaks.map((text): Damage => ({ kind: 'leak', text }));
    return {
      ...report,
      occurred: { ...report.occurred, ...troubles.counts },
      damages: [...report.damages, ...leaked],
    };
  } finally {
    await stack.close();
  }
}

function shorten(template: Template): void {
  for (const queue of ['EventsQueue', 'RecordsFifoQueue'])
    setProperty(template, queue, 'VisibilityTimeout', visibilitySeconds);
  for (const name of ['MapEventsLambdaFunction', 'WriteRecordsLambdaFunction'])
    setProperty(template, name, 'Timeout', functionTimeoutSeconds);
}

const reconciliation = z.object({ asked: z.number(), sent: z.number(), failures: z.array(z.string()) });

class EventStorm {
  readonly #stack: FaultStack;
  readonly #dice: Dice;
  readonly #watch: IncidentWatch;
  readonly #options: EventStormOptions;
  readonly #office: EventOffice;
  readonly #counts: Record<string, number> = {
    ...{
      'kill -9 of writeRecords': 0,
      'kill -9 of mapEvents': 0,
      'rotated credentials': 0,
      'lost answers': 0,
    },
    ...{ 'reconciliations in the storm': 0, 'recoveries by the reconciler': 0 },
    ...Object.fromEntries(personalWorks.map((name) => [name, 0])),
  };

  constructor(stack: FaultStack, dice: Dice, watch: IncidentWatch, options: EventStormOptions) {
    this.#stack = stack;
    this.#dice = dice;
    this.#watch = watch;
    this.#options = options;
    this.#office = new EventOffice(stack, dice);
  }

  async run(): Promise<StormReport> {
    const { keys } = this.#options;
    const alarms = await AlarmFeed.open(this.#stack, this.#dice, Math.ceil(keys * 0.7));
    const signals = new SignalFeed(this.#dice, Math.ceil(keys * 0.3));
    const started = performance.now();
    const { first } = this.#stack.instances;
    const requestsBefore = first.proxy.count;
    const calm = this.#stir();
    try {
      await this.#rage(alarms, signals);
      await this.#office.sendHeld();
      const left = await this.#untilDry();
      const requests = first.proxy.count - requestsBefore;
      const weather = calm();
      const undone = await this.#reconcileAtTheEnd();
      const evidence = {
        ...this.#office,
        watch: this.#watch,
        truths: alarms.truths,
        instance: first.instance,
      };
      const { damages, effects } = judgeEvents({ ...evidence, sentAt: this.#office.sentAt });
      const { sent } = this.#office;
      return {
        title: `${sent} events of ${keys} things, ${(requests / sent).toFixed(2)} requests each`,
        seconds: (performance.now() - started) / 1000,
        occurred: sumOf([alarms.counts, signals.counts, this.#office.counts, this.#counts, effects, weather]),
        damages: [
          ...(left > 0 ? [{ kind: 'left in the queue' as const, text: `${left} messages` }] : []),
          ...undone,
          ...damages,
          ...tooDear(requests, sent),
          ...(await readEventLetters(this.#stack)),
        ],
      };
    } finally {
      alarms.close();
      this.#office.close();
    }
  }

  /** Everything around the functions misbehaves. @returns ends that, and counts what has happened */
  #stir(): () => Counts {
    const { first } = this.#stack.instances;
    const { random } = this.#dice;
    const { events, seed } = this.#options;
    const requests = Math.ceil(events / 3);
    const weather = stirUp(first, {
      random,
      seed,
      batchApi: true,
      requests,
      lateMs: { from: 200, to: quotaMs },
    });
    const { decide: late } = first.proxy;
    const loseAnswers: Decide = (passage) => {
      const treatment = late(passage);
      if (treatment !== undefined || random() >= 0.05) return treatment;
      this.#count('lost answers');
      return { kind: 'cut-after' };
    };
    first.proxy.decide = loseAnswers;
    const refusals = [refuseSqs(random, 0.05), disturbDynamoDb(random, 0.03)] as const;
    this.#stack.sqsProxy.decide = refusals[0].decide;
    this.#stack.dynamoDbProxy.decide = refusals[1].decide;
    return () => {
      const counts = sumOf([weather(), ...refusals.map((one) => one.counts)]);
      first.instance.control.faults.clear();
      for (const proxy of [first.proxy, this.#stack.sqsProxy, this.#stack.dynamoDbProxy])
        proxy.decide = () => undefined;
      return counts;
    };
  }

  async #rage(alarms: AlarmFeed, signals: SignalFeed): Promise<void> {
    const { events } = this.#options;
    const endsAt = Date.now() + this.#options.longestWaitMs;
    while (this.#office.sent < events && Date.now() < endsAt) {
      const room = mostOnQueues - (await this.#office.left());
      const count = Math.min(wave.most, Math.ceil(events * wave.share), room, events - this.#office.sent);
      if (count > 0) {
        await this.#office.send(await alarms.change(Math.ceil(count * 0.5)));
        await this.#office.send(await signals.change(Math.ceil(count * 0.2)));
      }
      this.#letPeopleWork();
      await this.#disturb(this.#office.sent / events);
      await delay(30 + this.#dice.random() * 60);
    }
  }

  #letPeopleWork(): void {
    const keys = [...this.#watch.writes.keys()];
    for (let count = 0; count < 6; count += 1) {
      const key = keys[Math.floor(this.#dice.random() * keys.length)];
      if (key === undefined) return;
      const mayReopen = key.startsWith('arn:');
      const done = workByHand(this.#stack.instances.first.instance, this.#watch, key, this.#dice, mayReopen);
      if (done !== undefined) this.#count(done);
    }
  }

  /** A large storm is disturbed from its first event to its last. */
  async #disturb(share: number): Promise<void> {
    const { events } = this.#options;
    const planned = {
      'kill -9 of writeRecords': 1 + Math.floor((events / 700) * share),
      'kill -9 of mapEvents': 1 + Math.floor((events / 1_500) * share),
      'rotated credentials': Math.ceil((events / 5_000) * share),
      'reconciliations in the storm': Math.ceil((events / 2_500) * share),
    };
    const due = Object.entries(planned).find(
      ([name, most]) => (this.#counts[name] ?? 0) < most && this.#dice.chance(30),
    );
    if (!due) return;
    const [name] = due;
    this.#count(name);
    if (name === 'rotated credentials') await this.#stack.instances.first.rotate();
    else if (name === 'reconciliations in the storm')
      this.#count('recoveries by the reconciler', (await this.#reconcile()).sent);
    else await this.#killOne(name.endsWith('mapEvents') ? 'mapEvents' : 'writeRecords');
  }

  async #killOne(functionKey: string): Promise<void> {
    await this.#stack.kill(functionKey, (pids) => {
      const pid = pids[Math.floor(this.#dice.random() * pids.length)];
      return pid === undefined ? [] : [pid];
    });
  }

  async #reconcile(): Promise<z.output<typeof reconciliation>> {
    const { payload, functionError } = await this.#stack.stack.host.invoke(
      this.#stack.arn('reconcileEvents'),
      {},
    );
    if (functionError) return { asked: 0, sent: 0, failures: [payload.toString()] };
    return reconciliation.parse(JSON.parse(payload.toString()));
  }

  /** Once, and in fair weather. */
  async #reconcileAtTheEnd(): Promise<readonly Damage[]> {
    const { sent, failures } = await this.#reconcile();
    this.#count('recoveries by the reconciler', sent);
    const left = await this.#untilDry();
    return [
      ...failures.map((text): Damage => ({ kind: 'no answer', text: `the reconciler: ${text}` })),
      ...(left > 0
        ? [{ kind: 'left in the queue' as const, text: `${left} messages of the reconciler` }]
        : []),
    ];
  }

  async #untilDry(): Promise<number> {
    const endsAt = Date.now() + this.#options.longestWaitMs;
    for (let calm = 0; calm < 2; ) {
      const left = await this.#office.left();
      if (Date.now() > endsAt) return left;
      calm = left === 0 ? calm + 1 : 0;
      await delay(150);
    }
    return 0;
  }

  #count(name: string, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by;
  }
}

function tooDear(requests: number, sent: number): readonly Damage[] {
  if (sent < fewestToCount || requests / sent <= mostRequests) return [];
  return [{ kind: 'too many requests', text: `${(requests / sent).toFixed(2)} for each event` }];
}
