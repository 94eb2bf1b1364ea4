import type { Counts } from '../harness/storm-report.ts';

/** What startImport logs of records that announce nothing to import. */
const oddRecords: readonly (readonly [name: string, line: RegExp])[] = [
  ['records that name no object', /"drops-not-readable"/],
  ['record of another bucket', /"drop-ignored".*"another bucket"/],
  ['record of another event', /"drop-ignored".*"event Object/],
];

/** Counts, from what startImport logs, how the events of drops came. */
export class Arrivals {
  readonly #counts: Record<string, number> = {
    'event doubled': 0,
    'event overtaken by a later one': 0,
    'start failed, tried again': 0,
    ...Object.fromEntries(oddRecords.map(([name]) => [name, 0])),
  };
  readonly #newest = new Map<string, number>();

  see(line: string): void {
    if (/"imports?-not-started"/.test(line)) this.#count('start failed, tried again');
    for (const [name, logged] of oddRecords) if (logged.test(line)) this.#count(name);
    if (!line.includes('"drop-received"')) return;
    const { arrival, table, droppedAt }: { arrival: string; table: string; droppedAt: string } =
      JSON.parse(line);
    if (arrival === 'repeated') this.#count('event doubled');
    const atMs = Date.parse(droppedAt);
    const newestMs = this.#newest.get(table) ?? 0;
    if (atMs < newestMs && arrival !== 'repeated') this.#count('event overtaken by a later one');
    this.#newest.set(table, Math.max(atMs, newestMs));
  }

  counts(): Counts {
    return this.#counts;
  }

  #count(name: string): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
  }
}
