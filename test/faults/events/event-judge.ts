import type { Instance } from '../../../emulator/instance/index.ts';
import type { Counts, Damage } from '../harness/storm-report.ts';
import type { AlarmTruth } from './alarm-feed.ts';
import type { IncidentWatch, Written } from './incident-watch.ts';
import { lastOf } from './incident-watch.ts';
import { type Effect, effectOf, type Seen, type Signal, shows } from './life-model.ts';

export type Evidence = {
  readonly watch: IncidentWatch;
  /** When each event was first sent; those that were lost are missing. */
  readonly sentAt: ReadonlyMap<Signal, number>;
  readonly truths: ReadonlyMap<string, AlarmTruth>;
  readonly instance: Instance;
};

export type Verdict = { readonly damages: readonly Damage[]; readonly effects: Counts };

/** An answer may be lost so late: the functions of the storm run for five seconds. */
const answerDueMs = 6_000;

/** Judges what the instance holds, write for write, by the decision table; then the state at the end by the sources. */
export function judgeEvents({ watch, sentAt, truths, instance }: Evidence): Verdict {
  const effects: Record<string, number> = {
    created: 0,
    reopened: 0,
    resolved: 0,
    held: 0,
    'followed by a new record': 0,
  };
  const damages: Damage[] = [...watch.twice].map((key) => ({ kind: 'two open records', text: key }));
  const byKey = Map.groupBy(sentAt.keys(), ({ key }) => key);
  for (const key of new Set([...byKey.keys(), ...watch.writes.keys()])) {
    const signals = byKey.get(key) ?? [];
    const replay = new Replay(key, signals, watch.writes.get(key) ?? []);
    damages.push(...replay.judge(sentAt));
    for (const name of replay.effects) effects[name] = (effects[name] ?? 0) + 1;
  }
  for (const [key, truth] of truths)
    damages.push(...judgeEnd(key, truth, watch.writes.get(key) ?? [], sentAt));
  damages.push(...doubledNotes(instance));
  return { damages, effects };
}

/** The history of one key: every write of the function must be what the table says about one event. */
class Replay {
  readonly effects: string[] = [];
  readonly #key: string;
  readonly #signals: readonly Signal[];
  readonly #writes: readonly Written[];
  /** The records after each write. */
  readonly #states: (Seen | undefined)[] = [undefined];
  readonly #applied = new Set<string>();

  constructor(key: string, signals: readonly Signal[], writes: readonly Written[]) {
    this.#key = key;
    this.#signals = signals;
    this.#writes = writes;
    const records = new Map<string, Seen>();
    for (const { record } of writes) {
      records.set(record.sysId, record);
      this.#states.push(lastOf(records.values()));
    }
  }

  judge(sentAt: ReadonlyMap<Signal, number>): readonly Damage[] {
    const wrong = this.#writes.flatMap((written, index) =>
      written.by === 'function' ? (this.#judgeWrite(written, index) ?? []) : [],
    );
    const lost = this.#signals.filter(
      (signal) => !this.#applied.has(signal.hash) && !this.#isIdle(signal, sentAt.get(signal) ?? 0),
    );
    return [
      ...wrong,
      ...lost.map(
        (signal): Damage => ({
          kind: 'lost',
          text: `${this.#key}: ${JSON.stringify(signal)} was not applied`,
        }),
      ),
    ];
  }

  #judgeWrite({ record }: Written, index: number): Damage | undefined {
    const [hash = ''] = record.hashes;
    const before = this.#states[index];
    const signal = this.#signals.find((one) => one.hash === hash) ?? reconciled(this.#key, record);
    // The function may have decided before the last people did what they did.
    const looks = [before, ...this.#beforePeople(index)];
    const possible = looks.map((look) => effectOf(signal, look, this.#isContinued(signal, index)));
    const effect = possible.find((one) => shows(one, signal, before, record));
    this.#applied.add(hash);
    if (effect === undefined)
      return {
        kind: before?.hashes.includes(hash) ? 'doubled' : 'wrong state',
        text: `${this.#key}: ${JSON.stringify({ signal, before, record, possible })}`,
      };
    this.#count(effect, before);
    return undefined;
  }

  #count(effect: Effect, before: Seen | undefined): void {
    const names: Partial<Record<Effect, string>> = { reopen: 'reopened', resolve: 'resolved', hold: 'held' };
    const name = effect === 'create' ? (before ? 'followed by a new record' : 'created') : names[effect];
    if (name !== undefined) this.effects.push(name);
  }

  /** The states that the writes of people just before this one replaced. */
  #beforePeople(index: number): readonly (Seen | undefined)[] {
    const earlier: (Seen | undefined)[] = [];
    for (let at = index - 1; at >= 0 && this.#writes[at]?.by === 'person'; at -= 1)
      earlier.push(this.#states[at]);
    return earlier;
  }

  /** True when the write before was of the same event, and a person had ended the record under it, or did before its answer was due. */
  #isContinued({ hash }: Signal, index: number): boolean {
    const last = this.#writes.slice(0, index).findLast(({ by }) => by === 'function');
    if (last?.record.hashes[0] !== hash || last.record.last !== 'broken') return false;
    const endedAtMs = this.#states[index]?.endedAtMs ?? Number.POSITIVE_INFINITY;
    return last.record.phase !== 'open' || endedAtMs <= last.atMs + answerDueMs;
  }

  /** True when the table says at some moment after it was sent that the event changes nothing. */
  #isIdle(signal: Signal, sentAtMs: number): boolean {
    const first = this.#writes.findIndex(({ atMs }) => atMs >= sentAtMs);
    const from = first < 0 ? this.#states.length - 1 : first;
    return this.#states.slice(from).some((state) => effectOf(signal, state) === 'nothing');
  }
}

/** The reconciler reports a state in an event of its own. */
function reconciled(key: string, { hashes: [hash = ''], atMs }: Seen): Signal {
  const common = { key, hash, atMs, withinMs: 4 * 3_600_000, atMost: 5 };
  return { ...common, kind: 'resolve', isHeldWhileAssigned: false, isNotedOnResolved: false };
}

/** What has recovered has no open record, unless it flapped or a person opened it again; what is broken has one, unless a person ended it since. */
function judgeEnd(
  key: string,
  { state, sinceMs, signal }: AlarmTruth,
  writes: readonly Written[],
  sentAt: ReadonlyMap<Signal, number>,
): readonly Damage[] {
  const last = lastOf(new Map(writes.map(({ record }) => [record.sysId, record])).values());
  const wrong = (text: string): Damage[] => [
    { kind: 'wrong state', text: `${key}: ${text}: ${JSON.stringify(last)}` },
  ];
  if ((state === 'OK' || state === 'deleted') && last?.phase === 'open' && last.last === 'broken')
    return wrong(`is ${state} and has an open record`);
  if (state !== 'ALARM' || signal.kind !== 'open' || !sentAt.has(signal) || last?.phase === 'open') return [];
  const isEndedSince = (last?.endedAtMs ?? 0) >= Math.floor(sinceMs / 1000) * 1000;
  return isEndedSince && last?.last !== 'resolved' ? [] : wrong('is in alarm and has no open record');
}

/** Each change has a text of its own. A new record says what it is for, though the closed one before it may have got the note as well. */
function doubledNotes({ state: { store } }: Instance): readonly Damage[] {
  const notes = store.select('sys_journal_field').flatMap(({ value = '', element_id = '' }) => {
    const text = /change s?\d+\|/.exec(value)?.[0];
    return text === undefined ? [] : { text, record: value.includes('Follows ') ? 'next' : element_id };
  });
  const byRecord = Map.groupBy(notes, ({ text, record }) => `${text} in ${record}`);
  const byText = Map.groupBy(
    notes.filter(({ record }) => record !== 'next'),
    ({ text }) => text,
  );
  const doubled = [...byRecord, ...byText].filter(([, copies]) => copies.length > 1);
  return doubled.map(([text]): Damage => ({ kind: 'doubled', text: `the note of ${text}` }));
}
