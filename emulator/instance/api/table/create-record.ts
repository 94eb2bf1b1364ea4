import type { Answer, Exchange } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { tableUrl } from './parameters.ts';
import { recordAnswer } from './record-answer.ts';
import { tableOf } from './table-name.ts';
import { readValues } from './values.ts';

/** POST /table/{table}: one new record; a sys_id in the body is kept, and refused when it is taken. */
export function createRecord(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  const { access } = state.auth;
  access.require(exchange.user, 'create', table);
  const row = state.store.insert(table, readValues(exchange, state, table), exchange.user);
  // The row is there, and stays there (KB0546297): only reading it back is refused.
  if (!access.may(exchange.user, 'read', table, row)) {
    throw new Failure(403, 'Insufficient rights to query records');
  }
  const location = `${tableUrl(exchange)}/${table}/${row['sys_id']}`;
  return recordAnswer(exchange, state, table, row, 201, { Location: location });
}
