import type { Answer, Exchange } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { recordAnswer } from './record-answer.ts';
import { tableOf } from './table-name.ts';

/** GET /table/{table}/{sys_id}: one record. */
export function getRecord(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  const find = () => state.store.find(table, exchange.segments[2] ?? '');
  const row = state.switches.lookupLagOnGet ? state.store.lagging(find) : find();
  if (!row || !state.auth.access.may(exchange.user, 'read', table, row)) throw noRecordFound();
  return recordAnswer(exchange, state, table, row, 200);
}
