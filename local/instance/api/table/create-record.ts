import type { Answer, Exchange } from '../../http/exchange.ts';
import type { InstanceState } from '../../state.ts';
import { tableUrl } from './parameters.ts';
import { recordAnswer } from './record-answer.ts';
import { tableOf } from './table-name.ts';
import { readValues } from './values.ts';

/** POST /table/{table}: one new record; a sys_id in the body is kept, and refused when it is taken. */
export function createRecord(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  const row = state.store.insert(table, readValues(exchange, state, table), exchange.user);
  const location = `${tableUrl(exchange)}/${table}/${row['sys_id']}`;
  return recordAnswer(exchange, state, table, row, 201, { Location: location });
}
