import { Projection, withoutClosed } from '../../fields/projection.ts';
import { Viewer } from '../../fields/shape.ts';
import { type Answer, type Exchange, isTrue } from '../../http/exchange.ts';
import { Failure, noRecordFound } from '../../http/failure.ts';
import type { Row } from '../../row.ts';
import type { InstanceState } from '../../state.ts';
import { isListed } from '../../switches.ts';
import { fieldsAsked, readParameters, readValues, tableOf, tableUrl } from './request.ts';

/**
 * Whether the caller may change or delete the record that the path names.
 * @throws Failure 404 when the caller may not read it (a switch lets writes pass), 403 when the caller may only read it.
 */
function requireRight(
  { user, segments }: Exchange,
  { auth: { access }, store, switches }: InstanceState,
  table: string,
  operation: 'write' | 'delete',
): void {
  if (!access.restricts(user)) return;
  const row = store.find(table, segments[2] ?? '');
  const isReached = row && (switches.writesReachHiddenRecords || access.may(user, 'read', table, row));
  if (!isReached) throw noRecordFound();
  access.require(user, operation, table, row);
}

/**
 * The same for a record that was just written: it is stored, and stays so (KB0546297), when only reading it back is
 * refused.
 * @throws Failure 403 when the caller may not read it.
 */
function writtenAnswer(
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
function recordAnswer(
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

/** GET /table/{table}/{sys_id}: one record. */
export function getRecord(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  const find = () => state.store.find(table, exchange.segments[2] ?? '');
  const row = state.switches.lookupLagOnGet ? state.store.lagging(find) : find();
  if (!row || !state.auth.access.may(exchange.user, 'read', table, row)) throw noRecordFound();
  return recordAnswer(exchange, state, table, row, 200);
}

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

/** DELETE /table/{table}/{sys_id}: 204, and 404 the second time. */
export function deleteRecord(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  requireRight(exchange, state, table, 'delete');
  if (!state.store.remove(table, exchange.segments[2] ?? '')) throw noRecordFound();
  return { status: 204 };
}
