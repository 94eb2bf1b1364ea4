import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../emulator/instance/control/seeded-random.ts';
import { type Interruption, Interruptions } from '../lib/record-queue/interruptions.ts';
import { startBothWays } from './both-ways.ts';

type World = Awaited<ReturnType<typeof startBothWays>>;

/** A keyed call, and what the instance holds once it has succeeded. */
type Scenario = {
  readonly correlationIdTables?: string;
  /** @param id of the run, so that runs do not meet: 32 characters */
  call(world: World, id: string): ReturnType<World['post']>;
  holds(world: World, id: string): unknown;
  readonly expected: unknown;
};

const made = ({ incidents }: World, id: string) =>
  incidents().filter(({ description }) => description === id).length;
const notesOf = ({ store }: World, id: string) =>
  store.select('sys_journal_field').filter(({ element_id }) => element_id === id).length;

const scenarios: Readonly<Record<string, Scenario>> = {
  'a POST': { call: ({ post }, id) => post({ description: id }, id), holds: made, expected: 1 },
  'a POST to a table of correlationIdTables': {
    correlationIdTables: 'incident',
    call: ({ post }, id) => post({ description: id }, id),
    holds: made,
    expected: 1,
  },
  'a PATCH with a note': {
    call: ({ patch }, id) => patch(id, { work_notes: `said once of ${id}`, urgency: '1' }, id),
    holds: (world, id) => [notesOf(world, id), world.store.find('incident', id)?.['urgency']],
    expected: [1, '1'],
  },
  'a DELETE': {
    call: ({ remove }, id) => remove(id, id),
    holds: ({ store }, id) => store.find('incident', id),
    expected: undefined,
  },
};

const interruptions: readonly Interruption[] = ['death before', 'death after', 'lost answer', 'not made'];
/** `QUEUE_DEATHS=all` interrupts every call; otherwise one in each test, chosen by the seed. */
const isExhaustive = process.env['QUEUE_DEATHS'] === 'all';
const seed = Number(process.env['SEED'] ?? Date.now() % 100_000);
/** Longer than a write may be in doubt. */
const overMs = 91_000;

describe.each(Object.entries(scenarios))(`%s with a key (seed ${seed})`, (name, scenario) => {
  it.each(interruptions)(
    'has one effect though its caller repeats it, when one of its calls meets this: %s',
    async (interruption) => {
      const between = new Interruptions();
      const environment = { CORRELATION_ID_TABLES: scenario.correlationIdTables ?? '' };
      const options = { environment, throughTable: between.throughTable };
      const world = await startBothWays(options, between.throughClient);
      between.count();
      await run(0);
      const all = Array.from({ length: between.calls + 1 }, (_, index) => index + 1);
      const random = seededRandom(seed + name.length * 7 + interruption.length);
      const chosen = isExhaustive ? all : [all[Math.floor(random() * all.length)] ?? 1];
      for (const at of chosen) {
        between.plan(at, interruption);
        await run(at);
      }

      async function run(at: number): Promise<void> {
        const id = `a${at.toString(16)}`.padEnd(32, 'f');
        const isNew = name.includes('POST');
        if (!isNew) world.store.seed('incident', { sys_id: id });
        for (let tries = 1; ; tries += 1) {
          const answer = await Promise.race([scenario.call(world, id), between.death]);
          between.revive();
          world.later(overMs);
          if (answer !== 'died' && (answer.statusCode ?? 500) < 300) break;
          expect({ at, tries, answer }).toMatchObject({ tries: expect.toSatisfy((count) => count < 6) });
        }
        expect({ at, holds: scenario.holds(world, id) }).toEqual({ at, holds: scenario.expected });
      }
    },
    120_000,
  );
});
