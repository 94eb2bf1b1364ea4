import { Projection } from '../../fields/projection.ts';
import { Viewer } from '../../fields/viewer.ts';
import { withoutClosed } from '../../fields/without-closed.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import { isTrue } from '../../http/flag.ts';
import type { InstanceState } from '../../state.ts';
import type { Row } from '../../store/row.ts';
import { readParameters } from './parameters.ts';
import { fieldsAsked } from './views.ts';

/**
 * The same for a record that was just written: it is stored, and stays so (KB0546297), when only reading it back is
 * refused.
 * @throws Failure 403 when the caller may not read it.
 */
export function writtenAnswer(
  exchange: Exchange,
  state: InstanceState,
  table: string,
  row: Row,
  status: number,
  headers: Record<string, string> = {},
): Answer {
  if (state.auth.access.may(exchange.user, 'read', table, row))
    return recordAnswer(exchange, state, table, row, status, headers);
  throw new Failure(403, 'Insufficient rights to query records');
}

/** `{"result":{…}}` with the fields the caller asked for, or no body at all with `X-no-response-body: true`. */
export function recordAnswer(
  exchange: Exchange,
  state: InstanceState,
  table: string,
  row: Row,
  status: number,
  headers: Record<string, string> = {},
): Answer {
  const writing = exchange.method !== 'GET' && exchange.method !== 'HEAD';
  if (writing && isTrue(exchange.headers['x-no-response-body'])) return { status, headers };
  const parameters = readParameters(exchange);
  const projection = new Projection(state.schema, table, fieldsAsked(state.schema, table, parameters));
  const viewer = new Viewer(state.store, exchange.user);
  const isClosed = state.auth.access.closedPaths(exchange.user, table);
  const result = withoutClosed(projection.project(viewer, parameters.presentation, row), isClosed);
  return { status, headers, json: { result } };
}
