import type { Write } from './write.ts';

/**
 * Holds writes of different lanes to the order of their batch where they turn out to mean one record: only once it has
 * looked does an upsert know the record, which an update may name by its sys_id.
 */
export class Turns {
  /** For each table with upserts, those of its writes whose record is not their own creation, in the order given. */
  readonly #rivals: ReadonlyMap<string, readonly Write[]>;
  readonly #places: ReadonlyMap<Write, number>;
  readonly #records = new Map<Write, string>();

  /** @param writes in the order of their batch */
  constructor(writes: readonly Write[]) {
    this.#places = new Map(writes.map((write, place) => [write, place]));
    const unordered = writes.filter(
      ({ work, message }) => message.groupId === undefined && work.action !== 'create',
    );
    const byTable = Map.groupBy(unordered, tableOf);
    this.#rivals = new Map(
      [...byTable].filter(([, members]) => members.some(({ work }) => work.action === 'upsert')),
    );
  }

  /** Learns which record a write is about. */
  know(write: Write, sysId: string): void {
    this.#records.set(write, sysId.toLowerCase());
  }

  /** True when no earlier write that is not over is, or may be, about the record of this one. */
  isDue(write: Write, isOver: (write: Write) => boolean): boolean {
    const record = this.#recordOf(write);
    if (record === undefined || write.work.action === 'create') return true;
    const rivals = this.#rivals.get(tableOf(write)) ?? [];
    return !rivals.some(
      (rival) =>
        this.#placeOf(rival) < this.#placeOf(write) &&
        (this.#recordOf(rival) ?? record) === record &&
        !isOver(rival),
    );
  }

  #recordOf(write: Write): string | undefined {
    return 'sysId' in write.work ? write.work.sysId.toLowerCase() : this.#records.get(write);
  }

  #placeOf(write: Write): number {
    return this.#places.get(write) ?? 0;
  }
}

function tableOf({ work }: Write): string {
  return work.table.toLowerCase();
}
