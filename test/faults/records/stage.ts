import type { FaultStack } from '../harness/fault-stack.ts';
import type { ModelWrite } from '../model/record-model.ts';
import { hasReached } from './judge.ts';
import { type Snapshot, takeSnapshot } from './observe.ts';
import type { Outgoing } from './post-office.ts';
import type { Story } from './story.ts';

/** So many messages are kept on the queues: enough for full batches, and few enough that a story comes to its end. */
const mostOnQueues = 800;
/** Stories that begin together. */
const wave = 60;
/** Stories that are looked at together. */
const mostLooks = 250;

type Rows = ReturnType<Snapshot['rows']>;

/** Leads stories through their phases: the next one begins when the instance shows that the effects of the last are there. */
export class Stage {
  readonly #stack: FaultStack;
  readonly #stories: readonly Story[];
  readonly #send: (outgoing: readonly Outgoing[]) => Promise<void>;
  /** Phases of each story that have begun. */
  readonly #begun = new Map<Story, number>();
  readonly #waiting: Story[];
  /** Stories with phases that have not begun; those that were looked at longest ago come first. */
  #open: readonly Story[] = [];

  constructor(
    stack: FaultStack,
    stories: readonly Story[],
    send: (outgoing: readonly Outgoing[]) => Promise<void>,
  ) {
    this.#stack = stack;
    this.#stories = stories;
    this.#send = send;
    this.#waiting = [...stories];
  }

  /** Stories that have not begun. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The share of the stories that have begun, from 0 to 1. */
  get begunShare(): number {
    return 1 - this.#waiting.length / this.#stories.length;
  }

  /** All stories, each with the phases that have begun. */
  begunStories(): readonly Story[] {
    return this.#stories.map((story) => ({
      ...story,
      phases: story.phases.slice(0, this.#begun.get(story) ?? 0),
    }));
  }

  /**
   * Begins what can begin.
   * @param onQueues messages that are not finished
   * @returns false when there was nothing to begin
   */
  async advance(onQueues: number): Promise<boolean> {
    const next = await this.#advanceOpen();
    const room = Math.floor((mostOnQueues - onQueues) / 2);
    const first = this.#waiting.splice(0, Math.min(wave, Math.max(0, room)));
    for (const story of first) this.#prepare(story);
    if (first.length > 0) await this.#begin(first);
    return next || first.length > 0 || this.#waiting.length > 0;
  }

  async #advanceOpen(): Promise<boolean> {
    const looked = this.#open.slice(0, mostLooks);
    if (looked.length === 0) return false;
    const { first, second } = this.#stack.instances;
    const on = (name: Story['instance']) => looked.filter(({ instance }) => instance === name);
    const snapshots = {
      first: takeSnapshot(first.instance, on('first')),
      second: takeSnapshot(second.instance, on('second')),
    };
    const ready = looked.filter((story) =>
      hasReached(story, this.#begun.get(story) ?? 0, snapshots[story.instance]),
    );
    const early = looked.filter((story) => !ready.includes(story));
    this.#open = [...this.#open.slice(mostLooks), ...early];
    if (ready.length > 0) await this.#begin(ready, snapshots);
    return ready.length > 0;
  }

  #prepare({ seeded, table, instance }: Story): void {
    const { store } = this.#stack.instances[instance].instance.state;
    for (const { sysId, values } of seeded) store.seed(table, { sys_id: sysId, active: 'true', ...values });
  }

  /** Begins the next phase of stories: people do what they do, and messages are sent. */
  async #begin(
    stories: readonly Story[],
    snapshots?: { readonly first: Snapshot; readonly second: Snapshot },
  ): Promise<void> {
    const outgoing: Outgoing[] = [];
    for (const story of stories) {
      const begun = this.#begun.get(story) ?? 0;
      this.#begun.set(story, begun + 1);
      const phase = story.phases[begun];
      const rows = snapshots?.[story.instance].rows(story) ?? [];
      for (const person of phase?.people ?? []) this.#letPersonWork(story, person, rows);
      for (const sending of phase?.sendings ?? []) outgoing.push({ sending, rows });
    }
    const unfinished = stories.filter((story) => (this.#begun.get(story) ?? 0) < story.phases.length);
    this.#open = [...this.#open, ...unfinished];
    await this.#send(outgoing);
  }

  #letPersonWork(story: Story, { target, match, values = {}, isCopy }: ModelWrite, rows: Rows): void {
    const { store } = this.#stack.instances[story.instance].instance.state;
    const seeded = story.seeded.find(({ name }) => name === target);
    const found = match
      ? rows.find((row) => Object.entries(match).every(([column, value]) => row[column] === value))
      : rows.find((row) => row['sys_id'] === seeded?.sysId);
    if (!found) throw new Error(`${story.kind} (${story.id}): the person finds no record`);
    const aPerson = { userName: 'a.person', sysId: '0'.repeat(32) };
    if (isCopy) store.insert(story.table, copyOf(found), aPerson);
    else store.update(story.table, found['sys_id'] ?? '', values, aPerson);
  }
}

function copyOf({ sys_id: _id, number: _number, ...values }: Rows[number]): Rows[number] {
  return values;
}
