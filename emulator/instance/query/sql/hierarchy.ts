import type { ColumnPath } from '../column-path.ts';
import { bind, type Fragment, list, never, quote, sql } from '../fragment.ts';
import { type CompileComparison, myGroups } from './compare.ts';
import { columnSql, type Scope } from './scope.ts';

/** Dynamic filter options by sys_id, as they are shipped and documented. */
const me = new Set(['90d1921e5f510100a9ad2572f2b477fe', '54635e965f510100a9ad2572f2b4774c']);
const oneOfMyGroups = 'd6435e965f510100a9ad2572f2b47744';

/** `sys_class_nameINSTANCEOFcmdb_ci_server`: the class and all below it. */
export const instanceOf: CompileComparison = (scope, path, text) => {
  if (path.leaf.column.kind !== 'class_name') return undefined;
  const classes = scope.schema.descendants(text);
  return classes.length === 0 ? never : sql`${columnSql(scope, path)} IN ${list(classes)}`;
};

/** `caller_idDYNAMIC<filter option>` */
export const dynamic: CompileComparison = (scope, path, text) => {
  const rows = dynamicOption(scope, text);
  return rows && sql`${columnSql(scope, path)} IN (${rows})`;
};

/** `managerIN_HIERARCHY<hierarchy>@<record>`: the record or one below it. */
export const inHierarchy: CompileComparison = (scope, path, text) => {
  const [, start] = splitPair(text);
  return start === undefined ? undefined : below(scope, path, sql`SELECT ${bind(start)}`);
};

/** `managerIN_HIERARCHY_DYNAMIC<hierarchy>@<filter option>` */
export const inHierarchyDynamic: CompileComparison = (scope, path, text) => {
  const [, option] = splitPair(text);
  const start = option === undefined ? undefined : dynamicOption(scope, option);
  return start && below(scope, path, start);
};

/** The documentation shows the pair's `@` still percent-encoded. */
function splitPair(text: string): string[] {
  return text.split(/@|%40/);
}

function dynamicOption(scope: Scope, option: string): Fragment | undefined {
  if (me.has(option)) return sql`SELECT ${bind(scope.context.user.sysId)}`;
  return option === oneOfMyGroups ? myGroups(scope) : undefined;
}

/**
 * On an instance a record that no client sees names the column of the hierarchy; here it is the one by which the
 * referenced table points to itself.
 */
function below(scope: Scope, path: ColumnPath, start: Fragment): Fragment | undefined {
  const { reference = '' } = path.leaf.column;
  const upward = scope.schema.columns(reference).find((column) => column.reference === reference);
  if (!upward) return undefined;
  const alias = scope.newAlias();
  const records = scope.newAlias();
  const step = sql`SELECT ${records}."sys_id" FROM ${quote(scope.schema.storage(reference))} ${records} JOIN ${alias} ON ${records}.${quote(upward.name)} = ${alias}."sys_id"`;
  return sql`${columnSql(scope, path)} IN (WITH RECURSIVE ${alias}("sys_id") AS (${start} UNION ${step}) SELECT "sys_id" FROM ${alias})`;
}
