import { toStored } from '../../fields/input.ts';
import type { Exchange } from '../../http/exchange.ts';
import { findPath } from '../../query/column-path.ts';
import { type CompiledQuery, compileQuery } from '../../query/compile.ts';
import type { InstanceState } from '../../state.ts';
import { platformStyle } from '../../time/date-style.ts';

/**
 * What the caller selects by: `sysparm_query` or, without one or with an empty one, the `field=value` pairs of the
 * query string.
 * @throws Failure 403 when it names a column that he may not read.
 */
export function readCondition(exchange: Exchange, state: InstanceState, table: string): CompiledQuery {
  const query = exchange.url.searchParams.get('sysparm_query') || queryFromPairs(exchange, state, table);
  const { clock, switches } = state;
  const compiled = compileQuery(state.schema, table, query, { clock, switches, user: exchange.user });
  requireReadable(exchange, state, compiled.columns);
  return compiled;
}

/**
 * Holds the caller to the columns that he may read, on every table that a dot-walk or a related list leads to.
 * @throws Failure 403
 */
export function requireReadable(
  { user }: Exchange,
  { auth: { access } }: InstanceState,
  columns: readonly { readonly table: string; readonly name: string }[],
): void {
  if (!access.restricts(user)) return;
  for (const { table, name } of columns) access.requireReadable(user, table, [name]);
}

/**
 * `category=Software&caller_id.active=true` as an encoded query; labels and names stand for choices and references.
 */
function queryFromPairs(exchange: Exchange, state: InstanceState, table: string): string {
  const clauses: string[] = [];
  for (const [name, text] of exchange.url.searchParams) {
    const path = findPath(state.schema, table, name);
    if (!path) continue;
    const value = text === '' ? '' : toStored(state.store, path.leaf.column, text, platformStyle) || text;
    clauses.push(`${name}=${value.replaceAll('^', '^^')}`);
  }
  return clauses.join('^');
}
