import type { Answer, Exchange } from '../../http/exchange.ts';
import type { InstanceState } from '../../state.ts';
import { isListed } from '../../switches.ts';
import { tableUrl } from './parameters.ts';
import { writtenAnswer } from './record-answer.ts';
import { tableOf } from './table-name.ts';
import { readValues } from './values.ts';

/** POST /table/{table}: one new record; a sys_id in the body is kept, and refused when it is taken. */
export function createRecord(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  const { access } = state.auth;
  access.require(exchange.user, 'create', table);
  const { sys_id: given, ...values } = readValues(exchange, state, table);
  const keepsSysId = given !== undefined && !isListed(state.switches.ignoreGivenSysIdOn, table);
  const row = state.store.insert(table, keepsSysId ? { ...values, sys_id: given } : values, exchange.user);
  const location = `${tableUrl(exchange)}/${table}/${row['sys_id']}`;
  return writtenAnswer(exchange, state, table, row, 201, { Location: location });
}
