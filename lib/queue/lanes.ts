import type { RecordMessage } from './record-message.ts';
import type { Write } from './write.ts';

/**
 * Sorts writes into lanes: those of one lane are carried out one after the other, in the order given; lanes go side by
 * side. A FIFO group is a lane. Elsewhere a lane is a record; where a table gets upserts beside other writes, which may
 * mean the same record without naming it, the table is one.
 */
export function toLanes(writes: readonly Write[]): readonly (readonly Write[])[] {
  const found = mixedTables(writes);
  return [...Map.groupBy(writes, (write) => laneOf(write, found)).values()];
}

function laneOf({ message, work, key }: Write, mixed: ReadonlySet<string>): string {
  if (message.groupId !== undefined) return JSON.stringify(['group', message.groupId]);
  if (mixed.has(work.table)) return JSON.stringify(['table', work.instance, work.table]);
  return JSON.stringify(['record', work.instance, work.table, ...recordOf(work, key)]);
}

function recordOf(work: RecordMessage, key: string): readonly string[] {
  if (work.action === 'create') return ['key', key];
  if (work.action !== 'upsert') return ['sys_id', work.sysId];
  return Object.entries(work.match).toSorted().flat();
}

/** Tables whose upserts could find what another write of the same batch makes. */
function mixedTables(writes: readonly Write[]): ReadonlySet<string> {
  const tables = Map.groupBy(writes, ({ work }) => work.table);
  const mixed = [...tables].filter(
    ([, members]) => new Set(members.map(({ work }) => selectorOf(work))).size > 1,
  );
  return new Set(mixed.flatMap(([table, members]) => (members.some(isUpsert) ? [table] : [])));
}

function isUpsert({ work }: Write): boolean {
  return work.action === 'upsert';
}

/** Upserts by the same columns find different records by different values; everything else counts as one kind. */
function selectorOf(work: RecordMessage): string {
  return work.action === 'upsert' ? JSON.stringify(Object.keys(work.match).toSorted()) : 'sys_id';
}
