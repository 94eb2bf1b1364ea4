import { deriveUpsertSysId, type IdentityOf } from '../operations/identity.ts';
import type { Write } from './write.ts';

/**
 * Sorts the writes to one instance into lanes: those of one lane are carried out one after the other, in the order given;
 * lanes go side by side. On a FIFO queue a lane is a group. Elsewhere a lane is what may be one record: the same sys_id,
 * given or derived from a key or match, or the values by which an upsert finds its record.
 */
export function toLanes(writes: readonly Write[], identityOf: IdentityOf): readonly (readonly Write[])[] {
  const matches = matchesOf(writes);
  const lanes = new Lanes();
  for (const [index, write] of writes.entries()) lanes.add(index, namesOf(write, matches, identityOf));
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

type Columns = readonly string[];

/** What a write may share with others that mean the same record. */
function namesOf(write: Write, matches: ReadonlyMap<string, readonly Columns[]>, identityOf: IdentityOf) {
  const { message, work } = write;
  if (message.groupId !== undefined) return [nameOf('group', message.groupId)];
  const table = tableOf(write);
  const found = (matches.get(table) ?? []).flatMap((columns) =>
    valuesOf(write, identityOf).flatMap((values) => matched(columns, values)),
  );
  return [nameOf('sys_id', ownSysId(write, identityOf)), ...found].map((name) => nameOf(work.table, name));
}

/** The record that is written to, as far as that is known beforehand. */
function ownSysId({ work, key }: Write, identityOf: IdentityOf): string {
  if ('sysId' in work) return work.sysId;
  if (work.action === 'upsert') return deriveUpsertSysId(work.table, work.match);
  const identity = identityOf(work.table, key);
  return identity.kind === 'sys_id' ? identity.sysId : identity.correlationId;
}

/** The values that a record has before or after a write, as far as the write tells. */
function valuesOf(
  { work, key }: Write,
  identityOf: IdentityOf,
): readonly Readonly<Record<string, unknown>>[] {
  switch (work.action) {
    case 'upsert':
      return [
        { ...work.record, ...work.match },
        { ...work.match, ...work.record },
      ];
    case 'create': {
      const identity = identityOf(work.table, key);
      const own = identity.kind === 'correlation_id' && { correlation_id: identity.correlationId };
      return [{ ...work.record, ...own }];
    }
    case 'update':
      return [work.record];
    case 'delete':
      return [];
  }
}

function matched(columns: Columns, values: Readonly<Record<string, unknown>>): readonly string[] {
  const whole = columns.every((column) => values[column] !== undefined);
  return whole ? [nameOf(...columns.flatMap((column) => [column, String(values[column])]))] : [];
}

/** By which columns the upserts of these writes find records, for each table. */
function matchesOf(writes: readonly Write[]): ReadonlyMap<string, readonly Columns[]> {
  const upserts = writes.flatMap((write) =>
    write.work.action === 'upsert'
      ? [{ table: tableOf(write), columns: Object.keys(write.work.match).toSorted() }]
      : [],
  );
  const byTable = Map.groupBy(upserts, ({ table }) => table);
  return new Map(
    [...byTable].map(([table, members]) => {
      const distinct = new Map(members.map(({ columns }) => [nameOf(...columns), columns]));
      return [table, [...distinct.values()]];
    }),
  );
}

function tableOf({ work }: Write): string {
  return work.table.toLowerCase();
}

/** An instance compares text without regard to case and outer blanks (contract 11.8), and holds every value as text. */
function nameOf(...parts: readonly string[]): string {
  return JSON.stringify(parts.map((part) => part.trim().toLowerCase()));
}
