import { Viewer } from '../../fields/display.ts';
import { Projection } from '../../fields/projection.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { invalidTable, noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { readCondition } from './condition.ts';
import { pageHeaders } from './page-headers.ts';
import { readParameters } from './parameters.ts';

/** GET /table/{table}: the records that match, a page of them, with the total and links in headers. */
export function listRecords(exchange: Exchange, state: InstanceState): Answer {
  const table = exchange.segments[1] ?? '';
  if (!state.schema.table(table)) throw invalidTable(table);
  const parameters = readParameters(exchange);
  const condition = readCondition(exchange, state, table);
  const projection = new Projection(state.schema, table, parameters.fields);
  const { limit, offset } = parameters;
  const rows = state.store.select(table, { ...condition, limit, offset, columns: projection.columns });
  if (rows.length === 0 && exchange.version === 'v1') throw noRecordFound();
  const total = parameters.noCount ? undefined : state.store.count(table, condition);
  const viewer = new Viewer(state.store, exchange.user.timeZone);
  return {
    status: 200,
    headers: pageHeaders(exchange.url, parameters, total),
    json: { result: rows.map((row) => projection.project(viewer, parameters.presentation, row)) },
  };
}
