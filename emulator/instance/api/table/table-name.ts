import type { Exchange } from '../../http/exchange.ts';
import { invalidTable } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';

/**
 * The table that the path names.
 * @throws Failure 400 `Invalid table <name>`, 403 when no API on it is open to the caller.
 */
export function tableOf(exchange: Exchange, state: InstanceState): string {
  const table = exchange.segments[1] ?? '';
  if (!state.schema.table(table)) throw invalidTable(table);
  state.auth.access.requireApi(exchange.user, table);
  return table;
}
