import { openWorld, type Queued, type World } from '../../cli/map/world.ts';
import { seededRandom } from '../../emulator/instance/control/seeded-random.ts';
import type { AlarmNow } from '../../lib/aws/alarms.ts';
import { deadlineAt } from '../../lib/core/clock.ts';
import { silentLog } from '../../lib/core/log.ts';
import { silentMetrics } from '../../lib/core/metrics.ts';
import { compileAll } from '../../lib/events/compile.ts';
import { createMapper } from '../../lib/events/map-event.ts';
import { reconcile } from '../../lib/events/reconcile.ts';
import { groupNameOf } from '../../lib/operations/signal.ts';
import { type Bench, type Row, round, runAlone } from './report.ts';

export const name = 'events: 10,000 over 500 alarms, doubled, swapped, with lost answers and people';

const seed = Number(process.env['SEED'] ?? 1);
const keys = 500;
const events = Number(process.env['EVENTS'] ?? 10_000);
const batchSize = 10;
const account = '123456789012';
const startMs = Date.parse('2026-11-02T00:00:00Z');

type Alarm = { readonly name: string; state: 'ALARM' | 'OK'; sinceMs: number };
type Arriving = { readonly event: object; readonly atMs: number; readonly name: string };

const arnOf = (name: string) => `arn:aws:cloudwatch:us-east-1:${account}:alarm:${name}`;

/** What CloudWatch sends when an alarm changes its state; the reason is its own, so that a doubled note is seen. */
function toEvent({ name, state, sinceMs }: Alarm, id: number): object {
  const timestamp = new Date(sinceMs).toISOString();
  return {
    ...{ source: 'aws.cloudwatch', 'detail-type': 'CloudWatch Alarm State Change', account },
    ...{ region: 'us-east-1', id: `e-${id}`, time: timestamp, resources: [arnOf(name)] },
    detail: {
      ...{ alarmName: name, previousState: { value: state === 'OK' ? 'ALARM' : 'OK' } },
      state: { value: state, reason: `change ${id}`, timestamp },
    },
  };
}

/** Changes of all alarms as they arrive: 30 % doubled, 10 % swapped with the next of the same alarm. */
function makeHistory(random: () => number) {
  const alarms = Array.from(
    { length: keys },
    (_, index): Alarm => ({ name: `alarm-${index}`, state: 'OK', sinceMs: startMs }),
  );
  const arriving: Arriving[] = [];
  for (let id = 0; arriving.length < events; id += 1) {
    const alarm = alarms[Math.floor(random() * keys)];
    if (!alarm) continue;
    alarm.state = alarm.state === 'OK' ? 'ALARM' : 'OK';
    alarm.sinceMs = startMs + id * 30_000;
    const one = { event: toEvent(alarm, id), atMs: alarm.sinceMs, name: alarm.name };
    arriving.push(one);
    if (random() < 0.3) arriving.push(one);
  }
  const nextOf = new Map<string, number>();
  for (let at = arriving.length - 1; at >= 0; at -= 1) {
    const one = arriving[at];
    const next = one && nextOf.get(one.name);
    const other = next === undefined ? undefined : arriving[next];
    if (one && next !== undefined && other && random() < 0.1) {
      // Neither comes before its time: the earlier one is late.
      arriving[at] = other;
      arriving[next] = one;
    }
    if (one) nextOf.set(one.name, at);
  }
  return { alarms, arriving };
}

function incidentsOf({ instance }: World) {
  const where = "t0.correlation_display LIKE 'cloudwatch-alarm %'";
  return instance.state.store.select('incident', { where });
}

const isOpen = ({ state = '' }: Readonly<Record<string, string>>) => !['6', '7', '8'].includes(state);

/** The most records that are open for one alarm. */
function mostOpen(world: World): number {
  const open = incidentsOf(world).filter(isOpen);
  const byKey = Map.groupBy(open, ({ correlation_id = '' }) => correlation_id);
  return Math.max(0, ...[...byKey.values()].map(({ length }) => length));
}

/** Delivers signals in batches, those of one alarm in order; what comes again waits for its time. */
async function deliverAll(world: World, queued: Queued[], afterBatch: () => void): Promise<void> {
  while (queued.length > 0) {
    const batch = queued.splice(0, batchSize);
    const unfinished = await world.deliver(batch);
    if (unfinished.length > 0) {
      world.reach(world.nowMs() + 61_000);
      const groups = new Set(unfinished.map(({ signal }) => groupNameOf(signal)));
      const again = unfinished.map((one) => ({ ...one, receiveCount: one.receiveCount + 1 }));
      const others = queued.filter(({ signal }) => !groups.has(groupNameOf(signal)));
      const behind = queued.filter(({ signal }) => groups.has(groupNameOf(signal)));
      queued.splice(0, queued.length, ...again, ...behind, ...others);
    }
    afterBatch();
  }
}

export async function run(): Promise<Row[]> {
  const random = seededRandom(seed);
  const mappings = compileAll('mappings');
  const mapper = createMapper(mappings);
  const { alarms, arriving } = makeHistory(random);
  const world = await openWorld(mappings, startMs);
  try {
    const { control, state } = world.instance;
    const match = { path: '/api/now/*' };
    control.faults.add({ match, action: 'reset-after-commit', probability: 0.05, seed });
    const endedByPerson = new Map<string, number>();
    let worst = 0;
    let mappingMs = 0;
    let requests = 0;
    let unmapped = 0;
    const countRequests = () => {
      requests += state.ledger.select({ limit: 100_000 }).length;
      state.ledger.clear();
    };
    state.ledger.clear();
    for (let at = 0; at < arriving.length; at += 100) {
      const part = arriving.slice(at, at + 100);
      const queued: Queued[] = [];
      for (const [index, { event, atMs }] of part.entries()) {
        world.reach(atMs + 1_000);
        const before = process.cpuUsage();
        const { elements } = await mapper.map(event, { atMs, messageId: `m-${at + index}` });
        mappingMs += millisecondsSince(before);
        // Each event of the history is a change of state: one that gives no signal is lost.
        unmapped += elements.filter((one) => !('signal' in one)).length;
        for (const one of elements)
          if ('signal' in one)
            queued.push({ messageId: `m-${at + index}`, signal: one.signal, receiveCount: 1 });
      }
      await deliverAll(world, queued, () => {
        worst = Math.max(worst, mostOpen(world));
      });
      countRequests();
      const open = incidentsOf(world).filter(isOpen);
      const chosen = random() < 0.5 ? open[Math.floor(random() * open.length)] : undefined;
      if (!chosen) continue;
      world.reach(world.nowMs() + 1_000);
      const state_ = random() < 0.5 ? '6' : '7';
      const ended = { state: state_, close_code: 'Solution provided', close_notes: 'by hand' };
      const person = { userName: 'a.person', sysId: '0'.repeat(32) };
      state.store.update('incident', chosen['sys_id'] ?? '', ended, person);
      endedByPerson.set(chosen['correlation_id'] ?? '', world.nowMs());
    }
    control.faults.clear();
    await reconcileOnce(world, mappings, alarms);
    const wrong = countWrong(world, alarms, endedByPerson);
    return [
      {
        what: 'open records of one alarm, at any time',
        measured: String(worst),
        limit: '≤ 1',
        ok: worst <= 1,
      },
      {
        what: `wrong final states of ${keys}, after one reconciliation (SEED=${seed})`,
        measured: String(wrong),
        limit: '0',
        ok: wrong === 0,
      },
      doubledNotes(world),
      perEvent('requests to the instance per event', requests, arriving.length, 2.2, ''),
      perEvent('mapping per event, processor time', mappingMs, arriving.length, 1, ' ms'),
      { what: 'events without a signal', measured: String(unmapped), limit: '0', ok: unmapped === 0 },
      {
        what: 'dead letters',
        measured: String(world.letters.length),
        limit: '0',
        ok: world.letters.length === 0,
      },
    ];
  } finally {
    await world.close();
  }
}

async function reconcileOnce(
  world: World,
  mappings: ReturnType<typeof compileAll>,
  alarms: readonly Alarm[],
) {
  const now = new Map<string, AlarmNow>(
    alarms.map(({ name, state, sinceMs }) => [
      name,
      { arn: arnOf(name), name, state, reason: 'asked', sinceMs },
    ]),
  );
  await reconcile(account, deadlineAt(world.nowMs() + 600_000, world.deployed.clock), {
    ...{
      ...world.deployed,
      ...mappings,
      instances: ['default'],
      signalsQueueUrl: 'q',
      region: 'us-east-1',
      log: silentLog,
      metrics: silentMetrics,
    },
    sources: {
      describeAlarms: async () => now,
      unsuppressedAlarms: async () => [],
      alarmTags: async () => ({}),
      alarmPast: async () => ({ isKnown: false, lastState: undefined }),
      getFindings: async () => [],
      getFindingsOfControl: async () => [],
      getFindingsV2: async () => [],
    },
    send: async (_url, entries) => {
      const queued = entries.map(
        ({ MessageBody = '' }, index): Queued => ({
          ...{ messageId: `reconciled-${index}`, receiveCount: 1 },
          signal: JSON.parse(MessageBody),
        }),
      );
      await deliverAll(world, queued, () => undefined);
      return [];
    },
  });
}

/** An alarm that is off has no open record, unless it flapped; one that is on has one, unless a person ended it since. */
function countWrong(
  world: World,
  alarms: readonly Alarm[],
  endedByPerson: ReadonlyMap<string, number>,
): number {
  const open = new Map(
    incidentsOf(world)
      .filter(isOpen)
      .map((one) => [one['correlation_id'] ?? '', one]),
  );
  return alarms.filter(({ name, state, sinceMs }) => {
    const record = open.get(arnOf(name));
    if (state === 'OK') return record !== undefined && !/ held /.test(record['correlation_display'] ?? '');
    const isEnded = (endedByPerson.get(arnOf(name)) ?? 0) > sinceMs;
    return record === undefined && !isEnded;
  }).length;
}

/** Of the processor: a busy machine would count in the time of a clock. */
function millisecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function doubledNotes({ instance }: World): Row {
  const notes = instance.state.store
    .select('sys_journal_field')
    .map(({ element_id = '', value = '' }) => `${element_id} ${value}`)
    .filter((note) => note.includes('change '));
  const doubled = notes.length - new Set(notes).size;
  return {
    what: `notes doubled, of ${notes.length}`,
    measured: String(doubled),
    limit: '0',
    ok: doubled === 0,
  };
}

function perEvent(what: string, sum: number, count: number, most: number, unit: string): Row {
  const value = sum / count;
  return { what, measured: `${round(value)}${unit}`, limit: `≤ ${most}${unit}`, ok: value <= most };
}

if (import.meta.main) await runAlone({ name, run } satisfies Bench);
