import { aggregate } from '../../servicenow/records.ts';
import { type LineRuns, lineAt, lineList } from '../encode/chunk.ts';
import { callContext, type ImportScope } from '../import-scope.ts';
import { type InstanceRow, pageRows } from '../instance-rows.ts';
import { importSetsOf, type SentChunk } from '../load/ledger.ts';
import { lineOfKey } from '../load/reconcile.ts';
import type { LineResult, RowOutcome } from '../load/row-outcome.ts';
import type { ImportPlan } from '../plan/import-plan.ts';
import { batchesOf } from './batches.ts';
import { judgeShortSets } from './short-sets.ts';

const pageSize = 2_000;

/** How many rows of these import sets the instance has not transformed yet. */
export async function countPending(
  scope: ImportScope,
  plan: ImportPlan,
  chunks: readonly SentChunk[],
): Promise<number> {
  let pending = 0;
  if (plan.settings.mode === 'rows') return pending;
  for (const sets of batchesOf(importSetsOf(chunks))) {
    const options = {
      table: plan.request.table,
      query: `sys_import_setIN${sets.join(',')}^sys_import_state=pending`,
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
  chunks: readonly SentChunk[],
): Promise<Map<number, LineResult>> {
  const verdicts = new Map<number, LineResult>();
  const highest = new Map<string, number>();
  const lineOf = lineFinder(plan, chunks);
  for (const rowsOfGroup of rowQueries(plan, chunks)) {
    const query = {
      table: plan.request.table,
      query: rowsOfGroup,
      fields: [...fields, ...(plan.keyColumn ? [plan.keyColumn] : [])],
      limit: pageSize,
      displayValues: true,
    };
    for await (const page of pageRows(scope.client, query, callContext(scope))) {
      for (const row of page) {
        noteHighest(highest, row);
        const line = lineOf(row);
        if (line !== undefined && !verdicts.has(line)) verdicts.set(line, verdictOf(row, line));
      }
    }
  }
  if (plan.settings.mode === 'insertMultiple') await judgeShortSets(scope, plan, chunks, verdicts, highest);
  return verdicts;
}

function noteHighest(highest: Map<string, number>, row: InstanceRow): void {
  const set = row['sys_import_set'] ?? '';
  highest.set(set, Math.max(highest.get(set) ?? 0, Number(row['sys_import_row'])));
}

/**
 * Encoded queries that find the staging rows of chunks: by import set; in `rows` mode, where one set takes the rows
 * of everybody for a day, the lines without an answer by their keys.
 */
function rowQueries(plan: ImportPlan, chunks: readonly SentChunk[]): string[] {
  if (plan.settings.mode !== 'rows')
    return batchesOf(importSetsOf(chunks)).map((sets) => `sys_import_setIN${sets.join(',')}`);
  const { keyColumn } = plan;
  if (keyColumn === undefined) return [];
  const lines = chunks.flatMap((chunk) => {
    const answered = new Set(chunk.verdicts?.map(({ line }) => line));
    return lineList(chunk.lines).filter((line) => !answered.has(line));
  });
  const keys = lines.map((line) => `${plan.row.rowKey?.version}:${line}`);
  return batchesOf(keys).map((some) => `${keyColumn}IN${some.join(',')}`);
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

function verdictOf(row: InstanceRow, line: number): LineResult {
  const state = row['sys_import_state'] ?? '';
  const outcome = outcomeOfState.get(state) ?? 'unknown';
  const sysId = row['sys_target_sys_id'] ?? '';
  const shown = row['sys_target_sys_id.display_value'] ?? '';
  const comment = row['sys_row_error.error_message'] || row['sys_import_state_comment'] || '';
  return {
    line,
    outcome,
    targetTable: row['sys_target_table'] ?? '',
    sysId,
    display: shown === sysId ? '' : shown,
    message: outcome === 'unknown' ? `still ${state || 'without a state'} in ${row['sys_id']}` : comment,
  };
}

const outcomeOfState: ReadonlyMap<string, RowOutcome> = new Map([
  ['inserted', 'inserted'],
  ['updated', 'updated'],
  ['ignored', 'ignored'],
  ['skipped', 'skipped'],
  ['error', 'error'],
]);

/** By the row's own key when it carries one, else by its place in its import set. */
function lineFinder(
  plan: ImportPlan,
  chunks: readonly SentChunk[],
): (row: InstanceRow) => number | undefined {
  const { keyColumn } = plan;
  const prefix = `${plan.row.rowKey?.version}:`;
  if (keyColumn !== undefined) {
    return (row) => {
      const key = row[keyColumn] ?? '';
      return key.startsWith(prefix) ? lineOfKey(key) : undefined;
    };
  }
  const linesOfSet = new Map<string, LineRuns>();
  for (const chunk of chunks) for (const set of chunk.sets) linesOfSet.set(set, chunk.lines);
  return (row) => {
    const lines = linesOfSet.get(row['sys_import_set'] ?? '');
    return lines && lineAt(lines, Number(row['sys_import_row']) - 1);
  };
}
