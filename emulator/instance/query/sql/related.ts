import { type Fragment, sql } from '../fragment.ts';
import type { Condition, QueryTree } from '../tree.ts';
import { columnSql, enter, from, ofClass, type Scope } from './scope.ts';

type CompileTree = (scope: Scope, tree: QueryTree) => Fragment;

/** `RLQUERYincident.problem_id,>=1^…^ENDRLQUERY`: compares the number of rows that point to this one. */
export function countsRelated(
  scope: Scope,
  { table, column, operator, count, where }: Condition & { kind: 'relatedList' },
  compileTree: CompileTree,
): Fragment {
  const inner = enter(scope, table);
  const pointsHere = sql`${columnSql(inner, column)} = ${scope.alias}."sys_id"`;
  const rows = sql`${from(inner)} WHERE ${ofClass(inner)} AND ${pointsHere} AND ${compileTree(inner, where)}`;
  return sql`(SELECT COUNT(*) FROM ${rows}) ${operator} ${String(count)}`;
}

/** `JOINtask.caller=person.sys_id!…`: a row of the other table has the same value. */
export function joins(
  scope: Scope,
  { left, table, right, where }: Condition & { kind: 'join' },
  compileTree: CompileTree,
): Fragment {
  const inner = enter(scope, table);
  const same = sql`${columnSql(inner, right)} = ${columnSql(scope, left)}`;
  return sql`EXISTS (SELECT 1 FROM ${from(inner)} WHERE ${ofClass(inner)} AND ${same} AND ${compileTree(inner, where)})`;
}
