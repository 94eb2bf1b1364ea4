import { callContext, type ImportScope } from '../import-scope.ts';
import { listCounted, listRows, pageRows } from '../instance-rows.ts';
import type { ImportPlan } from '../plan.ts';

/** Keys a query carries: 100 of them stay well below the 8 KB that a URL may have. */
const keysPerQuery = 100;

/** Which of these lines the staging table holds already, by the key that each row carries: line -> import set. */
export async function findStoredLines(
  scope: ImportScope,
  plan: ImportPlan,
  keyColumn: string,
  lines: readonly number[],
): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const query of keyQueries(plan, keyColumn, lines)) {
    const rows = {
      table: plan.request.table,
      query,
      fields: ['sys_id', 'sys_import_set', keyColumn],
      limit: 1_000,
    };
    for await (const page of pageRows(scope.client, rows, callContext(scope))) {
      for (const row of page) found.set(lineOfKey(row[keyColumn] ?? ''), row['sys_import_set'] ?? '');
    }
  }
  return found;
}

/** How many of these lines the staging table holds, whether the user may see them or not. */
export async function countStoredLines(
  scope: ImportScope,
  plan: ImportPlan,
  keyColumn: string,
  lines: readonly number[],
): Promise<number> {
  let count = 0;
  for (const query of keyQueries(plan, keyColumn, lines)) {
    const rows = { table: plan.request.table, query, fields: ['sys_id'], limit: 1 };
    count += (await listCounted(scope.client, rows, callContext(scope))).total;
  }
  return count;
}

function keyQueries(plan: ImportPlan, keyColumn: string, lines: readonly number[]): string[] {
  const version = plan.row.rowKey?.version ?? '';
  const queries: string[] = [];
  for (let at = 0; at < lines.length; at += keysPerQuery) {
    const keys = lines.slice(at, at + keysPerQuery).map((line) => `${version}:${line}`);
    queries.push(`${keyColumn}IN${keys.join(',')}`);
  }
  return queries;
}

/** Whether the user sees any row of the staging table: what access rules hide looks like nothing there. */
export async function seesRows(scope: ImportScope, plan: ImportPlan): Promise<boolean> {
  const any = { table: plan.request.table, query: '', fields: ['sys_id'], limit: 1 };
  return (await listRows(scope.client, any, callContext(scope))).length > 0;
}

/** `<version>:<line>` -> line. */
export function lineOfKey(key: string): number {
  return Number(key.slice(key.lastIndexOf(':') + 1));
}
