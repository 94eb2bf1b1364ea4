import type { Answer, Exchange } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { requireRight } from './require-right.ts';
import { tableOf } from './table-name.ts';

/** DELETE /table/{table}/{sys_id}: 204, and 404 the second time. */
export function deleteRecord(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  requireRight(exchange, state, table, 'delete');
  if (!state.store.remove(table, exchange.segments[2] ?? '')) throw noRecordFound();
  return { status: 204 };
}
