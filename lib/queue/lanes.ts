import type { RecordMessage } from './record-message.ts';
import type { Write } from './write.ts';

/**
 * Sorts writes into lanes: those of one lane are carried out one after the other, in the order given; lanes go side by
 * side. On a FIFO queue a lane is a group. Elsewhere a lane is what may be one record: the same key, the same sys_id, or a
 * value that one write gives to a column by which an upsert finds its record.
 */
export function toLanes(writes: readonly Write[]): readonly (readonly Write[])[] {
  const columns = matchColumns(writes);
  const lanes = new Lanes();
  for (const [index, write] of writes.entries()) lanes.add(index, namesOf(write, columns));
  return [...Map.groupBy(writes, (_write, index) => lanes.laneOf(index)).values()];
}

/** Writes that share a name, or are joined by others that do, are in one lane (union-find). */
class Lanes {
  readonly #parents: number[] = [];
  readonly #firstByName = new Map<string, number>();

  add(index: number, names: readonly string[]): void {
    this.#parents[index] = index;
    for (const name of names) {
      const first = this.#firstByName.get(name);
      if (first === undefined) this.#firstByName.set(name, index);
      else this.#parents[this.laneOf(index)] = this.laneOf(first);
    }
  }

  laneOf(index: number): number {
    const parent = this.#parents[index] ?? index;
    return parent === index ? index : this.laneOf(parent);
  }
}

/** What a write may share with others that mean the same record. */
function namesOf({ message, work, key }: Write, columns: ReadonlySet<string>): readonly string[] {
  if (message.groupId !== undefined) return [JSON.stringify(['group', message.groupId])];
  const record = work.action === 'delete' ? {} : work.record;
  const match = work.action === 'upsert' ? work.match : {};
  const values = Object.entries({ ...record, ...match }).filter(([column]) =>
    columns.has(columnOf(work, column)),
  );
  const own = 'sysId' in work ? ['sys_id', work.sysId] : ['key', key];
  return [own, ...values].map((name) => JSON.stringify([work.instance, work.table, ...name]));
}

/** Columns by which the upserts of this batch find records. */
function matchColumns(writes: readonly Write[]): ReadonlySet<string> {
  return new Set(
    writes.flatMap(({ work }) =>
      work.action === 'upsert' ? Object.keys(work.match).map((column) => columnOf(work, column)) : [],
    ),
  );
}

function columnOf({ instance, table }: RecordMessage, column: string): string {
  return JSON.stringify([instance, table, column]);
}
