import { Viewer } from '../../fields/display.ts';
import { Projection } from '../../fields/projection.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { invalidTable, noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { readParameters } from './parameters.ts';

/** GET /table/{table}/{sys_id}: one record. */
export function getRecord(exchange: Exchange, state: InstanceState): Answer {
  const [, table = '', sysId = ''] = exchange.segments;
  if (!state.schema.table(table)) throw invalidTable(table);
  const row = state.store.find(table, sysId);
  if (!row) throw noRecordFound();
  const { presentation, fields } = readParameters(exchange);
  const viewer = new Viewer(state.store, exchange.user.timeZone);
  const record = new Projection(state.schema, table, fields).project(viewer, presentation, row);
  return { status: 200, json: { result: record } };
}
