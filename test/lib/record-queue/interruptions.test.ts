import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import { correlationIdOf, deriveSysId, deriveUpsertSysId } from '../../../lib/operations/identity.ts';
import type { ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import type { TestMessage } from './emulated-queue.ts';
import { type Interruption, Interruptions } from './interruptions.ts';
import { deployment, incidents, journal, queue, start } from './writing.ts';

/** Messages whose names carry the number of the run, so that runs do not meet, and what the instance holds in the end. */
type Scenario = {
  readonly messages: (run: string) => readonly TestMessage[];
  /** What the instance holds beforehand. */
  readonly before?: (run: string) => void;
  readonly holds: (run: string) => unknown;
  readonly expected: unknown;
  readonly correlationIdTables?: string;
  /** What others do just before a request reaches the instance. */
  readonly meanwhile?: (run: string, request: ServiceNowRequest) => void;
};

const sysIdOf = (run: string) => run.padEnd(32, '0');
const seed = (run: string, values: Readonly<Record<string, string>> = {}) =>
  queue.instance.state.store.seed('incident', {
    sys_id: sysIdOf(run),
    short_description: 'seeded',
    ...values,
  });
const created = (run: string) => deriveSysId(deployment, 'incident', `${run}-create`);
const recordOf = (sysId: string) => queue.instance.state.store.find('incident', sysId);
const notesOf = (sysId: string) => journal(sysId).map(({ value }) => value);
const ofRun = (run: string, ...columns: string[]) =>
  incidents()
    .filter(({ correlation_display }) => correlation_display === run)
    .map((row) => columns.map((column) => row[column]).join(' '))
    .toSorted();

const message = (id: string, body: object, more: Partial<TestMessage> = {}): TestMessage => ({
  id,
  body: { table: 'incident', ...body },
  ...more,
});
const update = (id: string, sysId: string, record: object, more: Partial<TestMessage> = {}) =>
  message(id, { action: 'update', sysId, record }, more);
const upsert = (id: string, match: object, record: object, more: Partial<TestMessage> = {}) =>
  message(id, { action: 'upsert', match, record }, more);
const remove = (id: string, sysId: string, more: Partial<TestMessage> = {}) =>
  message(id, { action: 'delete', sysId }, more);

/** Signals about one thing, the last of them just now. */
const signals = (run: string, ...kinds: string[]) =>
  kinds.map(
    (kind, index): TestMessage => ({
      id: `${run}-${index}`,
      group: run,
      body: {
        ...{ action: 'signal', signal: kind, source: 'disk', key: run, eventId: `${run}-${index}` },
        // The last time lies in the future for the queue, so that the time of the message counts.
        at: new Date(
          Date.now() + (index + 1 < kinds.length ? index - 100 : 86_400 * 365) * 1000,
        ).toISOString(),
        ...{ note: `${kind} ${index}`, fields: { short_description: 'Disk full', category: 'hardware' } },
        resolve: { state: '6', close_code: 'Solution provided', close_notes: 'Recovered' },
        reopen: { within: 'PT400H', state: '2' },
      },
    }),
  );
const ofThing = (run: string) => incidents().filter(({ correlation_id }) => correlation_id === run);
/** States and notes. */
const storyOf = (run: string) => [
  ...ofThing(run)
    .map(({ state }) => state)
    .toSorted(),
  ...ofThing(run)
    .flatMap(({ sys_id }) => notesOf(String(sys_id)))
    .map((text) => text?.split('\n')[0])
    .toSorted(),
];
/** A person ends the record of a run when it is about to be changed. */
function endedByPerson(state: string) {
  return (run: string, { method }: ServiceNowRequest) => {
    const [record] = ofThing(run);
    if (method !== 'PATCH' || !record || record['business_impact']) return;
    const ended = {
      state,
      business_impact: 'ended by hand',
      close_code: 'Solution provided',
      close_notes: 'by hand',
    };
    const person = { userName: 'a.person', sysId: '0'.repeat(32) };
    queue.instance.state.store.update('incident', String(record['sys_id']), ended, person);
  };
}

const scenarios: Readonly<Record<string, Scenario>> = {
  'a record that is created, updated and deleted': {
    messages: (run) => [
      message(`${run}-1`, { record: { correlation_display: run } }, { key: `${run}-create` }),
      update(`${run}-2`, created(run), { category: 'network' }),
      remove(`${run}-3`, created(run)),
    ],
    holds: (run) => recordOf(created(run)),
    expected: undefined,
  },
  'the same on a FIFO queue, without keys': {
    messages: (run) => [
      message(`${run}-create`, { record: { correlation_display: run } }, { group: run }),
      update(`${run}-2`, created(run), { category: 'network' }, { group: run }),
      remove(`${run}-3`, created(run), { group: run }),
    ],
    holds: (run) => recordOf(created(run)),
    expected: undefined,
  },
  'a create that is sent again after its record was deleted': {
    messages: (run) => [
      message(`${run}-1`, { record: { correlation_display: run } }, { key: `${run}-create` }),
      remove(`${run}-2`, created(run)),
      message(`${run}-3`, { record: { correlation_display: run } }, { key: `${run}-create` }),
    ],
    holds: (run) => ofRun(run, 'sys_id'),
    expected: [],
  },
  'an upsert that is sent again after its record was deleted': {
    messages: (run) => [
      upsert(`${run}-1`, { correlation_id: run }, { correlation_display: run }, { key: `${run}-u` }),
      remove(`${run}-2`, deriveUpsertSysId(deployment, 'incident', { correlation_id: run }, 0)),
      upsert(`${run}-3`, { correlation_id: run }, { correlation_display: run }, { key: `${run}-u` }),
    ],
    holds: (run) => ofRun(run, 'sys_id'),
    expected: [],
  },
  'updates of one record in the order of their FIFO group, with notes': {
    before: (run) => void seed(run),
    messages: (run) => [
      update(`${run}-1`, sysIdOf(run), { category: 'network', work_notes: 'one' }, { group: run }),
      update(`${run}-2`, sysIdOf(run), { category: 'hardware' }, { group: run }),
      update(`${run}-3`, sysIdOf(run), { work_notes: 'two', urgency: '1' }, { group: run, key: `${run}-k` }),
      update(`${run}-4`, sysIdOf(run), { category: 'software' }, { group: run }),
    ],
    holds: (run) => [recordOf(sysIdOf(run))?.['category'], ...notesOf(sysIdOf(run)).toSorted()],
    expected: ['software', 'one', 'two'],
  },
  'the same sentence under two keys, and without one': {
    before: (run) => void seed(run),
    messages: (run) => [
      update(`${run}-1`, sysIdOf(run), { comments: 'still down' }, { key: `${run}-a` }),
      update(`${run}-2`, sysIdOf(run), { comments: 'still down' }, { key: `${run}-b` }),
      update(`${run}-3`, sysIdOf(run), { comments: 'still down' }),
      update(`${run}-4`, sysIdOf(run), { comments: 'still down' }, { key: `${run}-a` }),
    ],
    holds: (run) => notesOf(sysIdOf(run)),
    expected: ['still down', 'still down', 'still down'],
  },
  'an upsert that changes what it matches by': {
    messages: (run) => [
      upsert(`${run}-1`, { correlation_id: `${run}-x` }, { correlation_display: run, category: 'network' }),
      upsert(`${run}-2`, { correlation_id: `${run}-x` }, { correlation_id: `${run}-y`, comments: 'moved' }),
      upsert(`${run}-3`, { correlation_id: `${run}-y` }, { category: 'hardware' }, { key: `${run}-k` }),
    ],
    holds: (run) => [
      ...ofRun(run, 'category', 'correlation_id').map((text) => text.replace(run, '')),
      ...incidents()
        .filter(({ correlation_id }) => String(correlation_id).startsWith(`${run}-`))
        .flatMap(({ sys_id }) => notesOf(String(sys_id))),
    ],
    expected: ['hardware -y', 'moved'],
  },
  'an upsert whose record no longer matches': {
    messages: (run) => [
      upsert(
        `${run}-1`,
        { correlation_id: run, category: 'network' },
        { correlation_display: run, urgency: '1' },
      ),
      upsert(`${run}-2`, { correlation_id: run, category: 'network' }, { category: 'hardware' }),
      upsert(
        `${run}-3`,
        { correlation_id: run, category: 'network' },
        { correlation_display: run, urgency: '2' },
      ),
    ],
    holds: (run) => ofRun(run, 'category', 'urgency'),
    expected: ['hardware 1', 'network 2'],
  },
  'an upsert after its record was deleted, in one FIFO group': {
    before: (run) => void seed(run, { correlation_id: run, correlation_display: run }),
    messages: (run) => [
      upsert(`${run}-1`, { correlation_id: run }, { category: 'network' }, { group: run }),
      remove(`${run}-2`, sysIdOf(run), { group: run }),
      upsert(
        `${run}-3`,
        { correlation_id: run },
        { correlation_display: run, category: 'software' },
        { group: run },
      ),
    ],
    holds: (run) => ofRun(run, 'category'),
    expected: ['software'],
  },
  'creates in a table that is known by correlation_id': {
    correlationIdTables: 'incident',
    messages: (run) => [
      message(`${run}-1`, { record: { correlation_display: run, category: 'network' } }, { key: `${run}-a` }),
      message(`${run}-2`, { record: { correlation_display: run, category: 'hardware' } }),
      message(`${run}-3`, { record: { correlation_display: run, category: 'network' } }, { key: `${run}-a` }),
      upsert(`${run}-4`, { correlation_id: `${run}-u` }, { correlation_display: run, category: 'software' }),
    ],
    holds: (run) => ofRun(run, 'category'),
    expected: ['hardware', 'network', 'software'],
  },
  'a create and an upsert that matches by its correlation_id': {
    correlationIdTables: 'incident',
    messages: (run) => [
      message(`${run}-1`, { record: { correlation_display: run, category: 'network' } }, { key: `${run}-k` }),
      upsert(
        `${run}-2`,
        { correlation_id: correlationIdOf(deployment, 'incident', `${run}-k`) },
        { correlation_display: run, category: 'software' },
      ),
    ],
    holds: (run) => ofRun(run, 'category'),
    expected: ['software'],
  },
  'an alarm that goes off, clears and comes back': {
    messages: (run) => signals(run, 'open', 'resolve', 'open'),
    holds: storyOf,
    expected: ['2', 'open 0', 'open 2', 'resolve 1'],
  },
  'the same in a table that is known by correlation_id': {
    correlationIdTables: 'incident',
    messages: (run) => signals(run, 'open', 'resolve', 'open'),
    holds: storyOf,
    expected: ['2', 'open 0', 'open 2', 'resolve 1'],
  },
  'an alarm whose record a person resolves while it goes off once more': {
    messages: (run) => signals(run, 'open', 'open'),
    meanwhile: endedByPerson('6'),
    holds: storyOf,
    expected: ['2', 'open 0', 'open 1'],
  },
  'an alarm whose record a person closes while it goes off once more': {
    messages: (run) => signals(run, 'open', 'open'),
    meanwhile: endedByPerson('7'),
    // Whether the closed record got the note as well depends on what was interrupted.
    holds: (run) =>
      ofThing(run)
        .flatMap(({ state, sys_id }) => [state, ...(state === '7' ? [] : notesOf(String(sys_id)))])
        .map((text) => text?.split('\n')[0])
        .toSorted(),
    expected: ['1', '7', 'open 1'],
  },
};

const interruptions: readonly Interruption[] = ['death before', 'death after', 'lost answer', 'not made'];
/** Longer than SQS hides what a process that died had received. */
const visibilityMs = 361_000;

/** `QUEUE_DEATHS=all` interrupts every call; otherwise one in each test, chosen by the seed. */
const isExhaustive = process.env['QUEUE_DEATHS'] === 'all';
const seedOfSample = Number(process.env['SEED'] ?? Date.now() % 100_000);

describe.each(Object.entries(scenarios))(`%s (seed ${seedOfSample})`, (name, scenario) => {
  it.each(interruptions)(
    'ends as if nothing had happened when a call meets this: %s',
    async (interruption) => {
      const world = new Interruptions();
      let id = '';
      await start({
        through: (instance) => {
          const client = world.throughClient(instance);
          const send: typeof client.send = (request, context) => {
            scenario.meanwhile?.(id, request);
            return client.send(request, context);
          };
          return { ...client, send };
        },
        throughTable: world.throughTable,
        environment: { CORRELATION_ID_TABLES: scenario.correlationIdTables ?? '' },
      });
      world.count();
      await run(0);
      const calls = callsToInterrupt(world.calls, `${name} ${interruption}`);
      for (const at of calls) {
        world.plan(at, interruption);
        await run(at);
      }
      // Counted by `npm run test:faults -- --only queue-deaths`.
      if (isExhaustive) process.stdout.write(`\ninterrupted ${calls.length} calls: ${interruption}\n`);

      async function run(at: number): Promise<void> {
        id = `a${at.toString(16)}f`;
        scenario.before?.(id);
        await deliverUntilDone(scenario.messages(id), world);
        expect({ at, holds: scenario.holds(id), letters: queue.deadLetters.splice(0) }).toEqual({
          at,
          holds: scenario.expected,
          letters: [],
        });
      }
    },
    300_000,
  );
});

/** The numbers of calls to interrupt, from 1. A new process makes a few more calls than the first run, so that one is added. */
function callsToInterrupt(calls: number, test: string): readonly number[] {
  const all = Array.from({ length: calls + 1 }, (_, index) => index + 1);
  if (isExhaustive) return all;
  const random = seededRandom(seedOfSample + test.length * 7);
  return [all[Math.floor(random() * all.length)] ?? 1];
}

async function deliverUntilDone(messages: readonly TestMessage[], world: Interruptions): Promise<void> {
  let left = messages;
  for (let receiveCount = 1; left.length > 0; receiveCount += 1) {
    if (receiveCount > 8) throw new Error(`never done: ${left.map(({ id }) => id).join()}`);
    const received = left.map((one) => ({ ...one, receiveCount }));
    const unfinished = await Promise.race([queue.deliver(received), world.death]);
    if (unfinished !== 'died') left = left.filter(({ id }) => unfinished.includes(id));
    world.revive();
    queue.restart();
    queue.later(visibilityMs);
  }
}
