import type { Answer, Exchange } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { readParameters } from './parameters.ts';
import { writtenAnswer } from './record-answer.ts';
import { requireRight } from './require-right.ts';
import { tableOf } from './table-name.ts';
import { readValues } from './values.ts';

/** PUT and PATCH /table/{table}/{sys_id}: both change the given columns and leave the others. */
export function updateRecord(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  requireRight(exchange, state, table, 'write');
  const { sys_id: _, ...values } = readValues(exchange, state, table);
  const updated = state.store.update(table, exchange.segments[2] ?? '', values, exchange.user, {
    keepSystemColumns:
      state.switches.honourSuppressAutoSysField && readParameters(exchange).suppressAutoSysField,
  });
  if (!updated) throw noRecordFound();
  return writtenAnswer(exchange, state, table, updated.row, 200);
}
