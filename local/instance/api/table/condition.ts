import type { Exchange } from '../../http/exchange.ts';
import type { InstanceState } from '../../state.ts';

/** What a list selects by: the caller's filter as SQL. */
export type Condition = {
  readonly where?: string;
  readonly params: readonly string[];
  readonly orderBy?: string;
};

/** `sysparm_query`, or else the `field=value` pairs of the query string. */
export function readCondition(exchange: Exchange, state: InstanceState, table: string): Condition {
  const clauses: string[] = [];
  const params: string[] = [];
  for (const [name, value] of exchange.url.searchParams) {
    if (name.startsWith('sysparm_') || !state.schema.column(table, name)) continue;
    clauses.push(`t0."${name}" = ?`);
    params.push(value);
  }
  return clauses.length > 0 ? { where: clauses.join(' AND '), params } : { params };
}
