import { aggregate } from '../../servicenow/aggregate.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { type Chunk, lineList } from '../encode/chunk.ts';
import { callContext, type ImportScope, type InstanceRow, pageRows, partsToName } from '../instance.ts';
import { noteAltered, typedColumns } from '../load/altered-values.ts';
import { importSetsOf, type SentChunk } from '../load/ledger.ts';
import { lineOfKey } from '../load/reconcile.ts';
import { loadingSets } from '../load/reconcile-by-sets.ts';
import { knownOutcome, type LineResult, type Verdict } from '../load/row-outcome.ts';
import type { ComparedColumn } from '../load/row-prints.ts';
import { type ImportPlan, ownKeyColumns } from '../plan/import-plan.ts';
import { linesByPlace, skippedByKey, withoutDeleted } from './row-lines.ts';
import type { ReadRow, TransformMaps } from './transform-maps.ts';

const pageSize = 2_000;

/** Rows that the instance has not transformed yet. */
export type PendingRows = {
  readonly pending: number;
  /** Without those that it never will. */
  readonly awaited: number;
};

/**
 * How many rows of some chunks the instance has not transformed yet.
 * @param isOverdue no request of theirs can be under way any more: the rows of a set that is still loading then are not awaited, since
 * its load was interrupted and the instance never transforms them
 */
export async function countPending(
  scope: ImportScope,
  plan: ImportPlan,
  chunks: readonly SentChunk[],
  isOverdue: boolean,
): Promise<PendingRows> {
  if (plan.settings.mode === 'rows') return { pending: 0, awaited: 0 };
  const sets = importSetsOf(chunks);
  const pending = await countPendingIn(scope, plan, sets);
  if (pending === 0 || !isOverdue) return { pending, awaited: pending };
  const brokenOff = await loadingSets(scope, sets);
  if (brokenOff.size === 0) return { pending, awaited: pending };
  const others = sets.filter((set) => !brokenOff.has(set));
  return { pending, awaited: await countPendingIn(scope, plan, others) };
}

async function countPendingIn(scope: ImportScope, plan: ImportPlan, all: readonly string[]): Promise<number> {
  let pending = 0;
  for (const sets of partsToName(all)) {
    const options = {
      table: plan.request.table,
      query: encodedQuery()
        .oneOf('sys_import_set', sets)
        .where('sys_import_state', '=', 'pending')
        .toString(),
      count: true,
    };
    const { groups } = await aggregate(scope.client, options, callContext(scope));
    pending += Number(groups[0]?.stats.count ?? 0);
  }
  return pending;
}

/** The verdict on every sent line of some chunks, by line. Rows that cannot be seen are missing. */
export async function readVerdicts(
  scope: ImportScope,
  plan: ImportPlan,
  maps: TransformMaps,
  chunks: readonly SentChunk[],
  findSent: (chunk: SentChunk) => Promise<Chunk | undefined>,
): Promise<Map<number, LineResult>> {
  const read: StagedRow[] = [];
  const typed = typedColumns(plan);
  for (const rowsOfGroup of rowQueries(plan, chunks)) {
    const query = {
      table: plan.request.table,
      query: rowsOfGroup,
      fields: [...new Set([...fields, ...ownKeyColumns(plan), ...typed.map(({ column }) => column)])],
      limit: pageSize,
      displayValues: true,
    };
    for await (const page of pageRows(scope, query))
      for (const row of page) read.push(stagedRow(row, plan, typed));
  }
  const isKeyed = plan.keyColumn !== undefined;
  const byPlace = isKeyed ? undefined : await linesByPlace(scope, plan, chunks, read, findSent);
  const verdicts = new Map<number, LineResult>();
  const bySet = new Map<string, ReadRow[]>();
  const typedOf = new Map<number, InstanceRow>();
  for (const row of read) {
    const line = byPlace ? byPlace.lineOf.get(row.sysId) : lineByKey(plan, row);
    if (line === undefined || verdicts.has(line)) continue;
    verdicts.set(line, { ...row.verdict, line });
    if (row.typed) typedOf.set(line, row.typed);
    const rows = bySet.get(row.set) ?? [];
    rows.push({ line, sysId: row.sysId });
    bySet.set(row.set, rows);
  }
  await maps.correct(bySet, verdicts);
  if (typedOf.size > 0)
    for (const chunk of chunks) {
      const sent = await findSent(chunk);
      if (sent) noteAltered(typed, sent, (line) => typedOf.get(line), verdicts);
    }
  const hasSets = isKeyed && plan.settings.mode === 'insertMultiple';
  const missing = hasSets ? await skippedByKey(scope, plan, chunks, verdicts) : (byPlace?.missing ?? []);
  const open = await withoutDeleted(scope, plan, chunks, missing, (sets) => maps.countTransformed(sets));
  for (const verdict of open) verdicts.set(verdict.line, verdict);
  return verdicts;
}

/** A staging row as it was read. */
type StagedRow = {
  readonly sysId: string;
  readonly set: string;
  /** `sys_import_row`. */
  readonly number: number;
  readonly key: string;
  readonly verdict: Verdict;
  /** What its columns hold that keep no text; absent where there are none. */
  readonly typed?: InstanceRow;
};

function stagedRow(row: InstanceRow, plan: ImportPlan, typed: readonly ComparedColumn[]): StagedRow {
  const { keyColumn } = plan;
  const key = ownKeyColumns(plan)
    .map((column) => row[column] ?? '')
    .join(' ');
  return {
    sysId: row['sys_id'] ?? '',
    set: row['sys_import_set'] ?? '',
    number: Number(row['sys_import_row']),
    key: keyColumn === undefined ? '' : (row[keyColumn] ?? ''),
    ...(typed.length > 0 && { typed: pick(row, typed) }),
    verdict: {
      ...verdictOf(row),
      ...(key === '' ? {} : { key }),
      importSet: row['sys_import_set.display_value'] || row['sys_import_set'] || '',
    },
  };
}

/** Columns that access rules hide are missing. */
function pick(row: InstanceRow, columns: readonly ComparedColumn[]): InstanceRow {
  const there = columns.flatMap(({ column }) => {
    const value = row[column];
    return value === undefined ? [] : [[column, value] as const];
  });
  return Object.fromEntries(there);
}

/**
 * Encoded queries that find the staging rows of chunks: by import set; in `rows` mode, where one set takes the rows
 * of all clients for a day, the lines without an answer by their keys.
 */
function rowQueries(plan: ImportPlan, chunks: readonly SentChunk[]): string[] {
  if (plan.settings.mode !== 'rows')
    return partsToName(importSetsOf(chunks)).map((sets) =>
      encodedQuery().oneOf('sys_import_set', sets).toString(),
    );
  const { keyColumn } = plan;
  if (keyColumn === undefined) return [];
  const lines = chunks.flatMap((chunk) => {
    const answered = new Set(chunk.verdicts?.map(({ line }) => line));
    return lineList(chunk.lines).filter((line) => !answered.has(line));
  });
  const keys = lines.map((line) => `${plan.row.rowKey?.version}:${line}`);
  return partsToName(keys).map((some) => encodedQuery().oneOf(keyColumn, some).toString());
}

const fields = [
  'sys_id',
  'sys_import_set',
  'sys_import_row',
  'sys_import_state',
  'sys_import_state_comment',
  'sys_target_table',
  'sys_target_sys_id',
  'sys_row_error.error_message',
];

function verdictOf(row: InstanceRow): Verdict {
  const state = row['sys_import_state'] ?? '';
  const outcome = knownOutcome(state);
  const sysId = row['sys_target_sys_id'] ?? '';
  const shown = row['sys_target_sys_id.display_value'] ?? '';
  const comment = row['sys_row_error.error_message'] || row['sys_import_state_comment'] || '';
  return {
    outcome,
    targetTable: row['sys_target_table'] ?? '',
    sysId,
    display: shown === sysId ? '' : shown,
    message: outcome === 'unknown' ? notTransformed(row) : comment,
  };
}

/** What to do about a row that is stored and that no transform took. */
function notTransformed(row: InstanceRow): string {
  const state = row['sys_import_state'] || 'without a state';
  const set = row['sys_import_set.display_value'] || row['sys_import_set'];
  return `stored, but still ${state}; run the transform of import set ${set} to finish it`;
}

/** The line that a row's own key names; undefined when the key is none of this file's. */
function lineByKey({ row: { rowKey } }: ImportPlan, { key }: StagedRow): number | undefined {
  return key.startsWith(`${rowKey?.version}:`) ? lineOfKey(key) : undefined;
}
