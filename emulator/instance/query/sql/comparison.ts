import type { Column } from '../../schema/table.ts';
import type { ColumnPath } from '../column-path.ts';
import { type Fragment, sql } from '../fragment.ts';
import { columnSql, isText, type Scope } from './scope.ts';

/** Compiles a comparison of a column with a value; undefined makes the clause invalid. */
export type CompileComparison = (scope: Scope, path: ColumnPath, value: string) => Fragment | undefined;

export const isEmpty = (scope: Scope, path: ColumnPath): Fragment => sql`${columnSql(scope, path)} IS NULL`;
export const isNotEmpty = (scope: Scope, path: ColumnPath): Fragment =>
  sql`${columnSql(scope, path)} IS NOT NULL`;

/** The opposite of a condition for rows where `expression` has a value; empty ones join in by `withEmpty` or by switch. */
export function negate(scope: Scope, expression: Fragment, condition: Fragment, withEmpty = false): Fragment {
  if (withEmpty || scope.context.switches.negationFindsEmpty) {
    return sql`(${expression} IS NULL OR NOT ${condition})`;
  }
  return sql`(${expression} IS NOT NULL AND NOT ${condition})`;
}

/** ` COLLATE NOCASE` where text compares without regard to case. */
export function collate({ context }: Scope, column: Column): string {
  if (!isText(column.kind)) return '';
  return context.switches.caseSensitiveText ? ' COLLATE BINARY' : ' COLLATE NOCASE';
}
