import type { Schema } from '../schema/schema.ts';
import { columnsOn } from './column-path.ts';
import type { QueryContext } from './context.ts';
import type { SqlValue } from './fragment.ts';
import { parseQuery } from './parse.ts';
import { compileTree } from './sql/condition.ts';
import { compileOrder } from './sql/order.ts';
import { rootScope } from './sql/scope.ts';
import { namedColumns } from './tree.ts';

/** An encoded query as SQL about a row that bears the alias `t0`. */
export type CompiledQuery = {
  /** A condition that stands alone; `1` when there is none. */
  readonly where: string;
  /** The values of the question marks in `where`. */
  readonly params: readonly SqlValue[];
  /** What follows ORDER BY, or an empty string. */
  readonly orderBy: string;
  /** The columns of `^GROUPBY`, as written. */
  readonly groupBy: readonly string[];
  /** Every column that the query names, as written (`caller_id.name`), for access checks. */
  readonly fields: readonly string[];
  /** The same columns, and those of the references walked over, each on the table that it was looked up on. */
  readonly columns: readonly { readonly table: string; readonly name: string }[];
};

/**
 * Compiles an encoded query (`active=true^priorityIN1,2^ORDERBYnumber`) for the rows of `table`. Never fails: what
 * cannot be read is dropped or, by switch, empties the result. The class of the row is not part of the condition.
 */
export function compileQuery(
  schema: Schema,
  table: string,
  query: string,
  context: QueryContext,
): CompiledQuery {
  const tree = parseQuery(schema, table, query, context.switches.undoubleCarets);
  const scope = rootScope(schema, table, context);
  const { sql: where, params } = compileTree(scope, tree);
  const named = namedColumns(schema, tree);
  return {
    where,
    params,
    orderBy: compileOrder(scope, tree.orderBy),
    groupBy: tree.groupBy.map((path) => path.text),
    fields: [...new Set(named.map((path) => path.text))],
    columns: named.flatMap(columnsOn),
  };
}
