import type { Instance } from '../../../emulator/instance/index.ts';
import type { FaultStack } from '../harness/fault-stack.ts';
import type { Damage } from '../harness/storm-report.ts';
import {
  allowedEnds,
  explainMismatch,
  type ModelState,
  type ModelWrite,
  type Refusal,
} from '../model/record-model.ts';
import {
  type DeadLetter,
  observe,
  readDeadLetters,
  recognizable,
  refusalIn,
  type Snapshot,
  takeSnapshot,
} from './observe.ts';
import type { Sending, Story } from './story.ts';

/** The writes of a story up to a phase, copies left out. */
function writesOf(story: Story, phases = story.phases.length): readonly ModelWrite[] {
  const writes = story.phases
    .slice(0, phases)
    .flatMap(({ people, sendings }) => [...people, ...sendings.map(({ write }) => write)]);
  return [...new Map(writes.map((write) => [write.id, write])).values()].map((write) => ({
    ...write,
    notes: (write.notes ?? []).map(recognizable),
  }));
}

const known = new WeakMap<Story, Map<number, readonly ModelState[]>>();

/** How a story may end after its first phases. */
function endsOf(story: Story, phases = story.phases.length): readonly ModelState[] {
  const ends = known.get(story) ?? new Map<number, readonly ModelState[]>();
  known.set(story, ends);
  const end = ends.get(phases) ?? allowedEnds(story.seeded, writesOf(story, phases));
  ends.set(phases, end);
  return end;
}

/** True when the effects of the first phases are there, as far as the instance shows. */
export function hasReached(story: Story, phases: number, snapshot: Snapshot): boolean {
  const ends = endsOf(story, phases);
  const observed = observe(story, snapshot);
  return ends.some((end) => explainMismatch({ ...observed, refused: end.refused }, [end]) === undefined);
}

/**
 * Judges every story by what the instances and the dead-letter queues hold.
 * @param bodies the body that each sending went out with
 */
export async function judgeStories(
  stack: FaultStack,
  stories: readonly Story[],
  bodies: ReadonlyMap<Sending, string>,
): Promise<readonly Damage[]> {
  const letters = Map.groupBy(await readDeadLetters(stack), ({ body }) => body);
  const snapshots = {
    first: takeSnapshot(stack.instances.first.instance),
    second: takeSnapshot(stack.instances.second.instance),
  };
  const damages = stories.flatMap((story) => {
    const refused = refusalsOf(story, letters, bodies);
    const seen = observe(story, snapshots[story.instance], refused);
    const found = judgeStory(story, seen, snapshots[story.instance === 'first' ? 'second' : 'first']);
    if (found.length === 0) return found;
    const history = historyOf(seen, stack.instances[story.instance].instance);
    return found.map(({ kind, text }) => ({ kind, text: `${text}${history}` }));
  });
  return [...damages, ...judgeLetters([...letters.values()].flat(), new Set(bodies.values()))];
}

/** Everything that was written to the records of a story, a line each. */
function historyOf({ records }: ModelState, { control }: Instance): string {
  return records
    .flatMap(({ name: sysId }) => control.ledger.select({ sysId }))
    .map(({ at, method, path, status, durationMs, faults, effects }) => {
      const operations = effects.map(({ operation, table }) => `${operation} ${table}`).join(', ');
      return `\n    ${at} ${method} ${path} ${status} after ${Math.round(durationMs)} ms (${operations}) ${faults.join()}`;
    })
    .join('');
}

function refusalsOf(
  story: Story,
  letters: ReadonlyMap<string, readonly DeadLetter[]>,
  bodies: ReadonlyMap<Sending, string>,
): ModelState['refused'] {
  const refused: Record<string, Refusal> = {};
  for (const sending of story.phases.flatMap(({ sendings }) => sendings)) {
    const [letter] = letters.get(bodies.get(sending) ?? '') ?? [];
    const { id, refused: expected, mayBeRefused } = sending.write;
    if (letter) refused[id] = refusalIn(letter, expected ?? mayBeRefused);
  }
  return refused;
}

function judgeStory(story: Story, seen: ModelState, elsewhere: Snapshot): readonly Damage[] {
  const allowed = endsOf(story);
  const head = `${story.kind} (${story.id}, ${story.table})`;
  const damages: Damage[] = [];
  if (elsewhere.rows(story).length > 0)
    damages.push({ kind: 'wrong state', text: `${head}: is on the other instance` });
  const mismatch = explainMismatch(seen, allowed);
  if (mismatch === undefined) return damages;
  const isOnlyRefused = allowed.some(
    (end) => explainMismatch({ ...seen, refused: end.refused }, [end]) === undefined,
  );
  return [
    ...damages,
    { kind: isOnlyRefused ? 'false dead letter' : kindOf(seen, allowed), text: `${head}: ${mismatch}` },
  ];
}

/** More than any end allows is doubled, less is lost. */
function kindOf(seen: ModelState, allowed: readonly ModelState[]): Damage['kind'] {
  const sizes = allowed.map(sizeOf);
  const size = sizeOf(seen);
  if (size > Math.max(...sizes)) return 'doubled';
  return size < Math.min(...sizes) ? 'lost' : 'wrong state';
}

/** Records, and everything that was added to them. */
const sizeOf = ({ records }: ModelState) =>
  records.reduce(
    (sum, { values, notes }) => sum + 1 + notes.length + Object.values(values).filter(Boolean).length,
    0,
  );

function judgeLetters(letters: readonly DeadLetter[], sent: ReadonlySet<string>): readonly Damage[] {
  const names = ['ErrorCode', 'ErrorMessage', 'RequestId', 'Attempts'];
  return letters.flatMap(({ body, attributes }): Damage[] => {
    const missing = names.filter((name) => !attributes[name]);
    const text = body.slice(0, 200);
    return [
      ...(missing.length > 0
        ? [{ kind: 'dead letter without reason' as const, text: `${text}: no ${missing.join()}` }]
        : []),
      ...(sent.has(body) ? [] : [{ kind: 'false dead letter' as const, text: `${text}: was never sent` }]),
    ];
  });
}
