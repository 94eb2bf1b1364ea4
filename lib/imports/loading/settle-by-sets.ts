import { AccessDeniedError } from '../../servicenow/errors/refusals.ts';
import { callContext, type ImportScope } from '../import-scope.ts';
import { type InstanceRow, listRows, pageRows } from '../instance-rows.ts';
import type { ImportPlan } from '../plan.ts';
import type { Chunk } from './chunk.ts';

/** Import sets of the staging table that may be ours and that nobody has claimed. Each can be claimed once. */
export type UnclaimedSets = {
  /** The set that holds exactly this chunk; 'none'; or 'unsure' when one looks like a part of it. */
  claim(chunk: Chunk): Promise<{ readonly importSetId: string } | 'none' | 'unsure'>;
};

/** Clocks of two machines differ by less. */
const clockSkewMs = 600_000;

/**
 * Lists the sets opened for the staging table since shortly before `sinceMs` that are not in `claimed`.
 * When the user may not see import sets at all, every claim is unsure.
 */
export async function unclaimedSets(
  scope: ImportScope,
  plan: ImportPlan,
  claimed: ReadonlySet<string>,
  sinceMs: number,
): Promise<UnclaimedSets> {
  const candidates = await listSets(scope, plan.request.table, sinceMs);
  if (!candidates) return { claim: async () => 'unsure' };
  const free = new Set(candidates.filter((id) => !claimed.has(id)));
  return {
    async claim(chunk) {
      for (const importSetId of free) {
        const likeness = await compare(scope, plan, importSetId, chunk);
        if (likeness === 'other') continue;
        if (likeness === 'part') return 'unsure';
        free.delete(importSetId);
        return { importSetId };
      }
      return 'none';
    },
  };
}

async function listSets(scope: ImportScope, table: string, sinceMs: number): Promise<string[] | undefined> {
  const since = new Date(sinceMs - clockSkewMs).toISOString().slice(0, 19).replace('T', ' ');
  const query = {
    table: 'sys_import_set',
    query: `table_name=${table}^sys_created_on>=${since}`,
    fields: ['sys_id'],
    limit: 1_000,
  };
  const ids: string[] = [];
  try {
    for await (const page of pageRows(scope.client, query, callContext(scope)))
      ids.push(...page.map((row) => row['sys_id'] ?? ''));
    return ids;
  } catch (error) {
    if (error instanceof AccessDeniedError) return undefined;
    throw error;
  }
}

async function compare(
  scope: ImportScope,
  plan: ImportPlan,
  importSetId: string,
  chunk: Chunk,
): Promise<'same' | 'part' | 'other'> {
  const first = firstRow(plan, chunk);
  const base = { table: plan.request.table, query: `sys_import_set=${importSetId}^ORDERBYsys_import_row` };
  const [stored] = await listRows(scope.client, { ...base, fields: [...first.keys()], limit: 1 }, callContext(scope));
  if (!stored || !isRow(stored, first)) return 'other';
  const count = { ...base, fields: ['sys_id'], limit: chunk.rows + 1 };
  return (await listRows(scope.client, count, callContext(scope))).length === chunk.rows ? 'same' : 'part';
}

function isRow(stored: InstanceRow, expected: ReadonlyMap<string, string>): boolean {
  for (const [column, value] of expected) if ((stored[column] ?? '').trim() !== value.trim()) return false;
  return true;
}

/** The chunk's first row by staging column. */
function firstRow(plan: ImportPlan, chunk: Chunk): Map<string, string> {
  const columnOf = new Map(plan.row.targets.flatMap((target) => (target ? [[target.jsonKey, target.column]] : [])));
  const row = new Map<string, string>();
  for (const [key, value] of Object.entries(rowsOf(chunk.body)[0] ?? {})) {
    const column = columnOf.get(key);
    if (column !== undefined) row.set(column, value);
  }
  return row;
}

/** The rows of a body that we built ourselves. */
export function rowsOf(body: Uint8Array): Record<string, string>[] {
  const parsed: { records: Record<string, string>[] } = JSON.parse(Buffer.from(body).toString('utf8'));
  return parsed.records;
}
