import { Viewer } from '../../fields/display.ts';
import { Projection } from '../../fields/projection.ts';
import { withoutClosed } from '../../fields/without-closed.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { readCondition } from './condition.ts';
import { pageHeaders } from './page-headers.ts';
import { readParameters } from './parameters.ts';
import { tableOf } from './table-name.ts';
import { fieldsAsked } from './views.ts';

/** GET /table/{table}: the records that match, a page of them, with the total and links in headers. */
export function listRecords(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  const parameters = readParameters(exchange);
  const { where, params, orderBy } = readCondition(exchange, state, table);
  const projection = new Projection(state.schema, table, fieldsAsked(state.schema, table, parameters));
  const { user } = exchange;
  const { access } = state.auth;
  const closed = access.closedFields(user, 'read', table);
  const selected = state.store.select(table, {
    where,
    params,
    orderBy,
    limit: parameters.limit,
    offset: parameters.offset,
    // Rules may look at columns that nobody asked for.
    ...(!access.restricts(user) && { columns: projection.columns }),
    ...(state.switches.shuffleTies && { tieSeed: Math.floor(state.random() * 2 ** 31) }),
  });
  const rows = access.readable(user, table, selected);
  if (rows.length === 0 && exchange.version === 'v1') throw noRecordFound();
  const counted = !parameters.noCount || state.switches.countDespiteNoCount;
  const total = counted ? state.store.count(table, { where, params }) : undefined;
  const viewer = new Viewer(state.store, exchange.user.timeZone);
  return {
    status: 200,
    headers: pageHeaders(exchange.url, parameters, total),
    json: {
      result: rows.map((row) =>
        withoutClosed(projection.project(viewer, parameters.presentation, row), closed),
      ),
    },
  };
}
