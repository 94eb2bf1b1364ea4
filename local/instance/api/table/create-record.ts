import { Viewer } from '../../fields/display.ts';
import { Projection } from '../../fields/projection.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { invalidTable } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { readParameters, tableUrl } from './parameters.ts';
import { readValues } from './values.ts';

/** POST /table/{table}: one new record; a sys_id in the body is kept. */
export function createRecord(exchange: Exchange, state: InstanceState): Answer {
  const table = exchange.segments[1] ?? '';
  if (!state.schema.table(table)) throw invalidTable(table);
  const parameters = readParameters(exchange);
  const row = state.store.insert(table, readValues(exchange), exchange.user);
  const headers = { Location: `${tableUrl(exchange)}/${table}/${row['sys_id']}` };
  if (exchange.headers['x-no-response-body'] === 'true') return { status: 201, headers };
  const viewer = new Viewer(state.store, exchange.user.timeZone);
  const record = new Projection(state.schema, table, parameters.fields).project(
    viewer,
    parameters.presentation,
    row,
  );
  return { status: 201, headers, json: { result: record } };
}
