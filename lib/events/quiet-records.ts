import { durationMs, readSignal, type Signal } from '../operations/signal.ts';
import type { Mark } from '../record-queue/life-cycle/mark.ts';
import type { CompiledMapping, Mappings, Parts, Template } from './mapping.ts';
import { builtInParts } from './targets.ts';

/** An open record whose last signal was a recovery that was held back. */
export type HeldRecord = {
  readonly source: string;
  readonly key: string;
  readonly instance: string;
  readonly table: string;
  readonly mark: Mark;
};

/**
 * The recovery of a record that was reopened too often, once its source has been quiet for `within`; for sources that cannot be asked,
 * whose last word is that it has recovered. Undefined before that, and where the mapping file does not resolve such a record.
 * Expressions have no event to read: of `resolve` only literals count.
 */
export function quietSignal(
  { source, key, instance, table, mark }: HeldRecord,
  { mappings, defaults }: Mappings,
  nowMs: number,
): Signal | undefined {
  const mapping = mappings.find((one) => one.source === source && targets(one, table));
  if (!mapping || mark.last !== 'held') return undefined;
  const layers: readonly Parts[] = [builtInParts(table), defaults[table] ?? {}, mapping];
  const resolve = Object.assign({}, ...layers.map(({ resolve: columns = {} }) => literalsOf(columns)));
  const reopen = Object.assign({}, ...layers.map(({ reopen: given = {} }) => given));
  const { within = 'PT4H', atMost } = reopen;
  const isOver = atMost !== undefined && mark.reopens >= atMost && nowMs - mark.atMs >= durationMs(within);
  if (!isOver || resolve.state === undefined) return undefined;
  const at = new Date(mark.atMs).toISOString();
  return readSignal({
    ...{ signal: 'resolve', source, key, target: table, instance, at, eventId: `quiet since ${at}` },
    ...{ resolve, reopen, confirmed: new Date(nowMs).toISOString() },
    note: `Nothing was reported for ${within} after the last recovery.`,
  });
}

function targets({ target, life }: CompiledMapping, table: string): boolean {
  return life !== 'none' && target.some(({ is }) => is === table);
}

function literalsOf(columns: Readonly<Record<string, Template>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, one]) => ('literal' in one ? [[name, String(one.literal)]] : [])),
  );
}
