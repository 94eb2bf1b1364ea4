import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { invalidBy } from '../../lib/core/errors.ts';
import type { Mappings } from '../../lib/events/mapping.ts';
import { inFile } from '../../lib/events/mapping-document.ts';
import { readTime } from '../../lib/events/time.ts';
import { deriveSysId } from '../../lib/operations/identity.ts';
import { durationMs, isEvent, workNameOf } from '../../lib/operations/signal.ts';
import { durationForm } from '../../lib/operations/signal-schema.ts';
import { correlationIdOfKey } from '../../lib/record-queue/life-cycle/mark.ts';
import { readJson } from '../read-text.ts';
import { type Applied, openWorld, type World } from './world.ts';

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const row = z.record(z.string(), text);
const expected = z.strictObject({
  /** How many new records there are. */
  created: z.int().optional(),
  /** done, duplicate, stale or ignored; or part of the reason why the event was refused. */
  verdict: z.string().optional(),
  signal: z.string().optional(),
  key: z.string().optional(),
  /** Columns of the record of the last signal, as they are shown or as they are stored. */
  record: row.optional(),
  /** Part of the newest work note. */
  note: z.string().optional(),
});
const step = z.strictObject({
  event: z.union([z.string(), z.looseObject({})]).optional(),
  /** A person changes the record of the last signal. */
  person: row.optional(),
  /** Time passes, e.g. PT4H. */
  wait: z.string().regex(durationForm, 'must be a duration such as PT4H').optional(),
  expect: expected.optional(),
});
const sequence = z.strictObject({
  it: z.string(),
  /** Rows that the instance holds beforehand, by table. */
  given: z.record(z.string(), z.array(row)).optional(),
  steps: z.array(step).min(1),
});
const sequenceFile = z.array(sequence);
type Step = z.output<typeof step>;
type Sequence = z.output<typeof sequence>;

/** One sequence of a test file; `run` throws what is not as expected, with the step. */
export type SequenceTest = { readonly file: string; readonly name: string; run(): Promise<void> };

/** The sequences of `*.test.yaml` in a folder of mapping files. @throws MappingError for a file that is not one */
export function readSequences(folder: string, mappings: Mappings): readonly SequenceTest[] {
  const files = readdirSync(folder).filter((name) => /\.test\.ya?ml$/.test(name));
  return files.toSorted().flatMap((file) =>
    readSequenceFile(file, readFileSync(join(folder, file), 'utf8')).map((one) => ({
      file,
      name: one.it,
      run: () => runSequence(one, folder, mappings),
    })),
  );
}

function readSequenceFile(file: string, text: string): z.output<typeof sequenceFile> {
  return inFile(file, text, (given) => {
    const parsed = sequenceFile.safeParse(given);
    if (!parsed.success) throw invalidBy(parsed.error.issues, 'file', 'is not a known part');
    return parsed.data;
  });
}

const person = { userName: 'a.person', sysId: '0'.repeat(32) };

async function runSequence({ steps, given = {} }: Sequence, folder: string, mappings: Mappings) {
  const events = await Promise.all(steps.map(({ event }) => readEvent(event, folder)));
  const times = events.map(timeOf);
  const world = await openWorld(mappings, (times.find((ms) => ms !== undefined) ?? Date.now()) + 1_000);
  try {
    const { store } = world.instance.state;
    for (const [table, rows] of Object.entries(given))
      for (const one of rows) store.insert(table, one, person);
    let last: Applied | undefined;
    // The last event that became a signal: an ignored one names no record.
    let reported: Applied | undefined;
    for (const [index, one] of steps.entries()) {
      if (one.wait !== undefined) world.reach(world.nowMs() + durationMs(one.wait));
      world.reach((times[index] ?? world.nowMs()) + 1_000);
      const before = count(world, mappings);
      const applied = events[index] === undefined ? [] : await attempt(world, events[index]);
      last = applied.at(-1) ?? last;
      reported = applied.findLast(({ mapped }) => 'signal' in mapped) ?? reported;
      const found = reported && recordOf(world, reported);
      if (one.person) {
        if (!found) throw new Error(`step ${index + 1}: there is no record for a person to change`);
        store.update(found.table, found.sysId, one.person, person);
        world.reach(world.nowMs() + 1_000);
      }
      check(one, index, { world, last, reported, created: count(world, mappings) - before });
    }
  } finally {
    await world.close();
  }
}

async function readEvent(event: Step['event'], folder: string): Promise<unknown> {
  return typeof event === 'string' ? readJson(join(folder, event)) : event;
}

/** An event that cannot be mapped at all has no elements, but a reason. */
async function attempt(world: World, event: unknown): Promise<readonly Applied[]> {
  try {
    return await world.apply(event);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [{ mapped: { element: 0, entry: undefined, error }, verdict: { error: reason } }];
  }
}

function timeOf(event: unknown): number | undefined {
  const { time, StateChangeTime, Message, Timestamp } = Object(event);
  if (typeof Message === 'string') return timeOf(parsed(Message)) ?? readTime(Timestamp);
  return readTime(time ?? StateChangeTime);
}

/** Undefined for what is not JSON: the functions say so. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Records that signals made: in tables that extend task, of Event Management, and those without a life. */
function count({ instance }: World, { mappings }: Mappings): number {
  const { store } = instance.state;
  const made = store.select('task').filter(({ correlation_display }) => correlation_display);
  const withoutLife = mappings.flatMap(({ life, target }) => (life ? target.map(({ is }) => is) : []));
  const ofTables = [...new Set(['em_event', ...withoutLife])].flatMap((table) => store.select(table));
  const byUs = ofTables.filter((row) => row['sys_created_by'] === instance.username);
  return new Set([...made, ...byUs].map(({ sys_id }) => sys_id)).size;
}

type Found = {
  readonly table: string;
  readonly sysId: string;
  readonly row: Readonly<Record<string, string>>;
};

/** The last record of the key of a signal. */
function recordOf({ instance, deployed }: World, { mapped }: Applied): Found | undefined {
  if (!('signal' in mapped)) return undefined;
  const { source, key, life, target: table = 'incident' } = mapped.signal;
  if (life === 'none' || isEvent(mapped.signal)) {
    const sysId = deriveSysId(deployed.deployment, table, workNameOf(mapped.signal));
    const made = instance.state.store.find(table, sysId);
    return made && { table, sysId, row: made };
  }
  const rows = instance.state.store
    .select(table)
    .filter(({ correlation_id }) => correlation_id === correlationIdOfKey(key))
    .filter(({ correlation_display = '' }) => correlation_display.startsWith(`${source} `));
  const row = rows.toSorted((a, b) => episodeIn(a) - episodeIn(b)).at(-1);
  return row && { table, sysId: row['sys_id'] ?? '', row };
}

function episodeIn({ correlation_display = '' }: Readonly<Record<string, string>>): number {
  return Number(correlation_display.split(' ')[1]);
}

type Outcome = {
  readonly world: World;
  readonly last: Applied | undefined;
  readonly reported: Applied | undefined;
  readonly created: number;
};

function check(
  { expect: wanted = {} }: Step,
  index: number,
  { world, last, reported, created }: Outcome,
): void {
  const fail = (what: string, is: unknown, should: unknown): never => {
    throw new Error(
      `step ${index + 1}: ${what} is ${JSON.stringify(is)}, expected ${JSON.stringify(should)}`,
    );
  };
  if (wanted.created !== undefined && created !== wanted.created) fail('created', created, wanted.created);
  const verdict = last?.verdict;
  const said = typeof verdict === 'object' ? verdict.error : verdict;
  if (wanted.verdict === undefined && typeof verdict === 'object') fail('verdict', said, 'no error');
  if (wanted.verdict !== undefined && !said?.includes(wanted.verdict)) fail('verdict', said, wanted.verdict);
  const signal = last && 'signal' in last.mapped ? last.mapped.signal : undefined;
  if (wanted.signal !== undefined && signal?.signal !== wanted.signal)
    fail('signal', signal?.signal, wanted.signal);
  if (wanted.key !== undefined && signal?.key !== wanted.key) fail('key', signal?.key, wanted.key);
  const found = reported && recordOf(world, reported);
  for (const [column, value] of Object.entries(wanted.record ?? {})) {
    const held = found?.row[column];
    if (held !== value && nameOf(world, held) !== value) fail(column, nameOf(world, held) ?? held, value);
  }
  if (wanted.note === undefined) return;
  const notes = world.instance.state.store
    .select('sys_journal_field')
    .filter(({ element_id }) => element_id === found?.sysId)
    .map(({ value = '' }) => value);
  if (!notes.some((one) => one.includes(wanted.note ?? ''))) fail('note', notes.join(' | '), wanted.note);
}

/** A reference as it is shown, for the tables that mapping files point to. */
function nameOf({ instance }: World, sysId: string | undefined): string | undefined {
  if (sysId === undefined || !/^[0-9a-f]{32}$/.test(sysId)) return undefined;
  const tables = ['sys_user_group', 'sys_user', 'cmdb_ci'];
  return tables.map((table) => instance.state.store.find(table, sysId)?.['name']).find((name) => name);
}
