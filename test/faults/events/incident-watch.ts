import type { Instance } from '../../../emulator/instance/index.ts';
import type { Row } from '../../../emulator/instance/row.ts';
import type { Phase, Seen } from './life-model.ts';

/** A write of a record: by the function, or by a person. */
export type Written = {
  readonly atMs: number;
  readonly by: 'function' | 'person';
  readonly record: Seen;
  /** The record before; undefined for a new one. */
  readonly before: Seen | undefined;
};

/** Looks at every incident that is written, at once: what two workers do between two looks would not be seen otherwise. */
export class IncidentWatch {
  /** The writes of each key, in their order. */
  readonly writes = new Map<string, Written[]>();
  /** Keys with more than one open record, at any time. */
  readonly twice = new Set<string>();
  readonly #records = new Map<string, Map<string, Seen>>();
  #instance: Instance | undefined;
  #by: Written['by'] = 'function';

  observe(instance: Instance): void {
    this.#instance = instance;
  }

  /** For the instance: called once a write is committed. */
  readonly onWrite = (operation: string, table: string, sysId: string): void => {
    if (table !== 'incident' || operation === 'delete' || !this.#instance) return;
    const row = this.#instance.state.store.find('incident', sysId);
    const key = row?.['correlation_id'] ?? '';
    if (!row || key === '') return;
    const record = readSeen(row);
    const records = this.#records.get(key) ?? new Map<string, Seen>();
    this.#records.set(key, records);
    const writes = this.writes.get(key) ?? [];
    this.writes.set(key, writes);
    writes.push({ atMs: Date.now(), by: this.#by, record, before: records.get(sysId) });
    records.set(sysId, record);
    if ([...records.values()].filter(({ phase }) => phase === 'open').length > 1) this.twice.add(key);
  };

  /** Does what a person does on the instance. */
  asPerson(work: () => void): void {
    this.#by = 'person';
    try {
      work();
    } finally {
      this.#by = 'function';
    }
  }

  /** The last record of a key as it is now. */
  last(key: string): Seen | undefined {
    return lastOf(this.#records.get(key)?.values() ?? []);
  }
}

/** The record of the highest episode. */
export function lastOf(records: Iterable<Seen>): Seen | undefined {
  let last: Seen | undefined;
  for (const one of records) if (last === undefined || one.episode > last.episode) last = one;
  return last;
}

const mark =
  /^\S+ (?<episode>\d+) (?<at>\S+) (?<last>\w+)(?:\+(?<until>\w+))? (?<reopens>\d+)(?: (?<hashes>\S+))?$/;
const phases: Readonly<Record<string, Phase>> = { '6': 'resolved', '7': 'closed', '8': 'closed' };

function readSeen(row: Row): Seen {
  const phase = phases[row['state'] ?? ''] ?? 'open';
  const {
    episode,
    at = '',
    last = '',
    until,
    reopens,
    hashes,
  } = mark.exec(row['correlation_display'] ?? '')?.groups ?? {};
  const ended = phase === 'closed' ? row['closed_at'] || row['resolved_at'] : row['resolved_at'];
  return {
    sysId: row['sys_id'] ?? '',
    phase,
    endedAtMs: phase === 'open' ? undefined : Date.parse(`${(ended ?? '').replace(' ', 'T')}Z`),
    isAssigned: (row['assigned_to'] ?? '') !== '',
    episode: Number(episode),
    atMs: Date.parse(at),
    last,
    resolvedUntilMs: Date.parse(at) + Number.parseInt(until ?? '', 36) * 1_000,
    reopens: Number(reopens),
    hashes: hashes?.split(',') ?? [],
  };
}
