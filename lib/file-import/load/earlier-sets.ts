import { AccessDeniedError } from '../../servicenow/errors/refusals.ts';
import { callContext, type ImportScope } from '../import-scope.ts';
import { listRows, pageRows } from '../instance-rows.ts';

/** Import sets of a staging table that were there before a load: the load can have made only later ones. */
export type EarlierSets = {
  /** UTC, `yyyy-MM-dd HH:mm:ss`, on the instance's clock: no set of the load is older. */
  readonly since: string;
  /** sys_ids of those that are no older than that all the same. */
  readonly ids: readonly string[];
};

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
export async function setsSince(scope: ImportScope, table: string, since: string): Promise<string[]> {
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
export function toInstanceTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
