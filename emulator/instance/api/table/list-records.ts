import { jsonRowSql } from '../../fields/json-sql.ts';
import { Projection, withoutClosed } from '../../fields/projection.ts';
import { Viewer } from '../../fields/shape.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import { wantsXml } from '../../http/respond.ts';
import type { Selection } from '../../row.ts';
import type { InstanceState } from '../../state.ts';
import { pageHeaders } from './page-headers.ts';
import { fieldsAsked, readCondition, readParameters, type TableParameters, tableOf } from './request.ts';

/** What of which table the caller wants, read from the request. */
type Listing = {
  readonly table: string;
  readonly parameters: TableParameters;
  readonly projection: Projection;
  readonly selection: Selection;
};

/** GET /table/{table}: the records that match, a page of them, with the total and links in headers. */
export const listRecords = (exchange: Exchange, state: InstanceState): Answer =>
  state.store.lagging(() => answerList(exchange, state));

function answerList(exchange: Exchange, state: InstanceState): Answer {
  const listing = readListing(exchange, state);
  const { table, parameters, selection } = listing;
  const page = writtenPage(exchange, state, listing) ?? projectedPage(exchange, state, listing);
  if (page.rows === 0 && exchange.version === 'v1') throw noRecordFound();
  const counted = !parameters.noCount || state.switches.countDespiteNoCount;
  const total = counted ? state.store.count(table, selection) : undefined;
  const { prevBelowStart } = state.switches;
  const headers = pageHeaders(exchange.url, { ...parameters, prevBelowStart }, total);
  return { status: 200, headers, ...page.body };
}

function readListing(exchange: Exchange, state: InstanceState): Listing {
  const table = tableOf(exchange, state);
  state.auth.access.requireList(exchange.user, table);
  const asked = readParameters(exchange);
  const parameters = { ...asked, limit: Math.min(asked.limit, state.switches.maxLimit || asked.limit) };
  const { where, params, orderBy } = readCondition(exchange, state, table);
  const { limit, offset } = parameters;
  const tieSeed = state.switches.shuffleTies ? Math.floor(state.random() * 2 ** 31) : undefined;
  return {
    table,
    parameters,
    projection: new Projection(state.schema, table, fieldsAsked(state.schema, table, parameters)),
    selection: { where, params, orderBy, limit, offset, ...(tieSeed !== undefined && { tieSeed }) },
  };
}

type Page = { readonly rows: number; readonly body: Pick<Answer, 'json' | 'jsonBytes'> };

/** The page as JSON straight from SQLite, where nothing has to be looked up or held back row by row. */
function writtenPage(exchange: Exchange, state: InstanceState, listing: Listing): Page | undefined {
  const { table, projection, selection, parameters } = listing;
  const columns = projection.ownColumns;
  const plain = parameters.presentation.mode === 'false' && !wantsXml(exchange);
  if (!columns || !plain || state.auth.access.restricts(exchange.user)) return undefined;
  const slices = state.store.selectJson(table, jsonRowSql(columns, parameters.presentation), selection);
  const rows = slices.reduce((sum, slice) => sum + slice.rows, 0);
  return { rows, body: { jsonBytes: listOf(slices.map(({ bytes }) => bytes)) } };
}

function listOf(slices: readonly Uint8Array[]): Uint8Array[] {
  const comma = Buffer.from(',');
  const separated = slices.flatMap((slice, at) => (at === 0 ? [slice] : [comma, slice]));
  return [Buffer.from('{"result":['), ...separated, Buffer.from(']}')];
}

/** The page as records, without what the caller may not see. */
function projectedPage(exchange: Exchange, state: InstanceState, listing: Listing): Page {
  const { table, projection, selection, parameters } = listing;
  const { user } = exchange;
  const { access } = state.auth;
  // Rules may look at columns that were not requested.
  const columns = access.restricts(user) ? {} : { columns: projection.columns };
  const rows = access.readable(user, table, state.store.select(table, { ...selection, ...columns }));
  const isClosed = access.closedPaths(user, table);
  const viewer = new Viewer(state.store, user);
  const result = rows.map((row) =>
    withoutClosed(projection.project(viewer, parameters.presentation, row), isClosed),
  );
  return { rows: rows.length, body: { json: { result } } };
}
