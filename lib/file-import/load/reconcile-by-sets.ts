import { AccessDeniedError } from '../../servicenow/errors.ts';
import { type Chunk, rowsOf } from '../encode/chunk.ts';
import { callContext, type ImportScope } from '../import-scope.ts';
import { type InstanceRow, listRows, pageRows } from '../instance-rows.ts';
import type { EarlierSets, ImportPlan } from '../plan/import-plan.ts';

/** Import sets of the staging table that may be ours and that nobody has claimed. Each can be claimed once. */
export type UnclaimedSets = {
  /** The set that holds exactly this chunk; 'none'; or 'unsure' when one looks like a part of it or hides its rows. */
  claim(chunk: Chunk): Promise<Claim>;
};

type Claim = { readonly importSetId: string } | 'none' | 'unsure';

/** Clocks of two machines differ by less. */
const clockSkewMs = 600_000;

/**
 * Lists the sets opened for the staging table since the load began that are not in `claimed`. Those of an earlier file
 * may hold the very same rows, so the ones that were there before the load are none of ours.
 * When the user may not see import sets at all, every claim is unsure: what access rules hide looks like nothing there.
 */
export async function unclaimedSets(
  scope: ImportScope,
  plan: ImportPlan,
  claimed: ReadonlySet<string>,
): Promise<UnclaimedSets> {
  const known = new Set([...claimed, ...(plan.earlierSets?.ids ?? [])]);
  const candidates = await listSets(scope, plan);
  if (!candidates || !(await seesSets(scope, candidates, known))) return { claim: async () => 'unsure' };
  const free = new Set(candidates.filter((id) => !known.has(id)));
  const firstRowOf = remembered((id) => readFirstRow(scope, plan, id));
  const claimNow = async (chunk: Chunk): Promise<Claim> => {
    const expected = firstRow(plan, chunk);
    let isHidden = free.size > 0 && expected.size === 0;
    for (const importSetId of free) {
      const stored = await firstRowOf(importSetId);
      isHidden ||= stored === undefined;
      if (expected.size === 0 || !isRow(stored, expected)) continue;
      if (!(await holdsExactly(scope, plan, importSetId, chunk.rows))) return 'unsure';
      free.delete(importSetId);
      return { importSetId };
    }
    return isHidden ? 'unsure' : 'none';
  };
  // One after another, so that two equal chunks do not claim the same set.
  let previous: Promise<unknown> = Promise.resolve();
  return {
    claim(chunk) {
      const claim = previous.then(() => claimNow(chunk));
      previous = claim.catch(() => undefined);
      return claim;
    },
  };
}

function remembered<T>(read: (id: string) => Promise<T>): (id: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (id) => {
    const reading = known.get(id) ?? read(id);
    known.set(id, reading);
    return reading;
  };
}

async function listSets(scope: ImportScope, plan: ImportPlan): Promise<string[] | undefined> {
  const since = plan.earlierSets?.since ?? toInstanceTime(Date.parse(plan.startedAt) - clockSkewMs);
  try {
    return await setsSince(scope, plan.request.table, since);
  } catch (error) {
    if (error instanceof AccessDeniedError) return undefined;
    throw error;
  }
}

/** Whether the user sees import sets: of those that are certainly there, or any at all. */
async function seesSets(
  scope: ImportScope,
  candidates: readonly string[],
  known: ReadonlySet<string>,
): Promise<boolean> {
  if (known.size > 0) return candidates.some((id) => known.has(id));
  if (candidates.length > 0) return true;
  const any = { table: 'sys_import_set', query: '', fields: ['sys_id'], limit: 1 };
  return (await listRows(scope.client, any, callContext(scope))).length > 0;
}

async function readFirstRow(
  scope: ImportScope,
  plan: ImportPlan,
  importSetId: string,
): Promise<InstanceRow | undefined> {
  const fields = [...new Set(plan.row.targets.flatMap((target) => target?.column ?? []))];
  const query = `sys_import_set=${importSetId}^ORDERBYsys_import_row`;
  const [row] = await listRows(
    scope.client,
    { table: plan.request.table, query, fields, limit: 1 },
    callContext(scope),
  );
  return row;
}

async function holdsExactly(
  scope: ImportScope,
  plan: ImportPlan,
  importSetId: string,
  rows: number,
): Promise<boolean> {
  const query = {
    table: plan.request.table,
    query: `sys_import_set=${importSetId}`,
    fields: ['sys_id'],
    limit: rows + 1,
  };
  return (await listRows(scope.client, query, callContext(scope))).length === rows;
}

function isRow(stored: InstanceRow | undefined, expected: ReadonlyMap<string, string>): boolean {
  if (!stored) return false;
  for (const [column, value] of expected) if ((stored[column] ?? '').trim() !== value.trim()) return false;
  return true;
}

/**
 * The chunk's first row by staging column; a value that was left out is empty there. Columns that the instance keeps in
 * a form of its own (`007` as `7`) tell nothing.
 */
function firstRow(plan: ImportPlan, chunk: Chunk): Map<string, string> {
  const row = rowsOf(chunk.body)[0] ?? {};
  const text = plan.row.targets.filter((target) => target !== null && !target.isTyped);
  return new Map(text.flatMap((target) => (target ? [[target.column, row[target.jsonKey] ?? '']] : [])));
}

/** Clocks of the nodes of an instance differ by less. */
const nodeSkewMs = 60_000;

/** Looks at a staging table before the first row is sent; undefined when no set of it can be seen. */
export async function readEarlierSets(scope: ImportScope, table: string): Promise<EarlierSets | undefined> {
  const newest = {
    table: 'sys_import_set',
    query: `table_name=${table}^ORDERBYDESCsys_created_on`,
    fields: ['sys_created_on'],
    limit: 1,
  };
  try {
    const [set] = await listRows(scope.client, newest, callContext(scope));
    const newestMs = Date.parse(`${set?.['sys_created_on']?.replace(' ', 'T')}Z`);
    if (Number.isNaN(newestMs)) return undefined;
    const since = toInstanceTime(newestMs - nodeSkewMs);
    return { since, ids: await setsSince(scope, table, since) };
  } catch (error) {
    if (error instanceof AccessDeniedError) return undefined;
    throw error;
  }
}

/** sys_ids of the import sets of a staging table that were opened at `since` or later. @throws AccessDeniedError */
async function setsSince(scope: ImportScope, table: string, since: string): Promise<string[]> {
  const query = {
    table: 'sys_import_set',
    query: `table_name=${table}^sys_created_on>=${since}`,
    fields: ['sys_id'],
    limit: 1_000,
  };
  const ids: string[] = [];
  for await (const page of pageRows(scope.client, query, callContext(scope)))
    ids.push(...page.map((row) => row['sys_id'] ?? ''));
  return ids;
}

/** UTC, `yyyy-MM-dd HH:mm:ss`. */
function toInstanceTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
