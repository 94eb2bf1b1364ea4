import { stringifyValue, toStored } from '../../fields/input.ts';
import type { Presentation } from '../../fields/shape.ts';
import { type Exchange, isTrue } from '../../http/exchange.ts';
import { Failure, invalidTable } from '../../http/failure.ts';
import { fromXml } from '../../http/respond.ts';
import { findPath } from '../../query/column-path.ts';
import { type CompiledQuery, compileQuery } from '../../query/compile.ts';
import type { Row } from '../../row.ts';
import type { Schema } from '../../schema/schema.ts';
import type { InstanceState } from '../../state.ts';
import { platformStyle } from '../../time/dates.ts';

/**
 * The table that the path names.
 * @throws Failure 400 `Invalid table <name>`, 403 when no API on it is open to the caller.
 */
export function tableOf(exchange: Exchange, state: InstanceState): string {
  const table = exchange.segments[1] ?? '';
  if (!state.schema.table(table)) throw invalidTable(table);
  state.auth.access.requireApi(exchange.user, table);
  return table;
}

const defaultLimit = 10_000;

/** The `sysparm_*` of a Table API call; a value that makes no sense counts as not given. */
export type TableParameters = {
  readonly presentation: Presentation;
  readonly fields: readonly string[] | undefined;
  readonly view: string | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly noCount: boolean;
  readonly suppressPaginationHeader: boolean;
  readonly inputDisplayValue: boolean;
  readonly suppressAutoSysField: boolean;
};

/** The parameters of a request to the Table API. @throws Failure for one that is not taken */
export function readParameters(exchange: Exchange): TableParameters {
  const given = exchange.url.searchParams;
  const flag = (name: string) => isTrue(given.get(name));
  return {
    presentation: readPresentation(exchange),
    fields: readFields(given.get('sysparm_fields')),
    view: given.get('sysparm_view') || undefined,
    limit: natural(given.get('sysparm_limit')) ?? defaultLimit,
    offset: natural(given.get('sysparm_offset')) ?? 0,
    noCount: flag('sysparm_no_count'),
    suppressPaginationHeader: flag('sysparm_suppress_pagination_header'),
    inputDisplayValue: flag('sysparm_input_display_value'),
    suppressAutoSysField: flag('sysparm_suppress_auto_sys_field'),
  };
}

/** How the caller wants fields to look. */
function readPresentation(exchange: Exchange): Presentation {
  const given = exchange.url.searchParams;
  return {
    mode: readMode(given.get('sysparm_display_value')),
    excludeReferenceLink: isTrue(given.get('sysparm_exclude_reference_link')),
    tableUrl: tableUrl(exchange),
  };
}

/** What `sysparm_display_value` asks for. */
export function readMode(text: string | null): Presentation['mode'] {
  if (isTrue(text)) return 'true';
  return text?.toLowerCase() === 'all' ? 'all' : 'false';
}

/** Where the tables are, as this caller reached them: with the version segment of the request. */
export function tableUrl(exchange: Exchange): string {
  const version = exchange.version ? `${exchange.version}/` : '';
  return `${exchange.url.origin}/api/now/${version}table`;
}

function readFields(list: string | null): string[] | undefined {
  const names = (list ?? '').split(',').flatMap((name) => name.trim() || []);
  return names.length > 0 ? [...new Set(names)] : undefined;
}

function natural(text: string | null): number | undefined {
  if (text === null || !/^\d+$/.test(text)) return undefined;
  return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

/** `sysparm_fields`, or the columns of the UI view; undefined for all, as for an undefined view. */
export function fieldsAsked(
  schema: Schema,
  table: string,
  parameters: Pick<TableParameters, 'fields' | 'view'>,
): readonly string[] | undefined {
  if (parameters.fields) return parameters.fields;
  const view = parameters.view;
  if (view === undefined) return undefined;
  return schema.ancestry(table).find((at) => at.views?.[view])?.views?.[view];
}

/**
 * What the caller selects by: `sysparm_query` or, without one or with an empty one, the `field=value` pairs of the
 * query string.
 * @throws Failure 403 when it names a column that he may not read.
 */
export function readCondition(exchange: Exchange, state: InstanceState, table: string): CompiledQuery {
  const query = exchange.url.searchParams.get('sysparm_query') || queryFromPairs(exchange, state, table);
  const { clock, switches } = state;
  const compiled = compileQuery(state.schema, table, query, { clock, switches, user: exchange.user });
  requireReadable(exchange, state, compiled.columns);
  return compiled;
}

/**
 * Holds the caller to the columns that he may read, on every table that a dot-walk or a related list leads to.
 * @throws Failure 403
 */
export function requireReadable(
  { user }: Exchange,
  { auth: { access } }: InstanceState,
  columns: readonly { readonly table: string; readonly name: string }[],
): void {
  if (!access.restricts(user)) return;
  for (const { table, name } of columns) access.requireReadable(user, table, [name]);
}

/**
 * `category=Software&caller_id.active=true` as an encoded query; labels and names stand for choices and references.
 */
function queryFromPairs(exchange: Exchange, state: InstanceState, table: string): string {
  const clauses: string[] = [];
  for (const [name, text] of exchange.url.searchParams) {
    const path = findPath(state.schema, table, name);
    if (!path) continue;
    const value = text === '' ? '' : toStored(state.store, path.leaf.column, text, platformStyle) || text;
    clauses.push(`${name}=${value.replaceAll('^', '^^')}`);
  }
  return clauses.join('^');
}

/**
 * What the caller writes to a row of `table`, every value as text (an object as Java prints a map): the columns that
 * the table has, without those closed to the caller, and without system columns but sys_id. Of several records only the first is used.
 * @throws Failure 400 when the body does not parse or is no record.
 */
export function readValues(exchange: Exchange, state: InstanceState, table: string): Row {
  const { inputDisplayValue } = readParameters(exchange);
  const closed = state.auth.access.closedFields(exchange.user, 'write', table);
  const values: Row = {};
  for (const [name, given] of Object.entries(readRecord(exchange))) {
    const column = state.schema.column(table, name);
    if (!column || closed.has(name)) continue;
    // A password is written only as its display value.
    if (column.kind === 'password' && !inputDisplayValue) continue;
    if (name.startsWith('sys_') && name !== 'sys_id') continue;
    const text = stringifyValue(given);
    values[name] = inputDisplayValue ? toStored(state.store, column, text, exchange.user) : text;
  }
  return values;
}

function readRecord(exchange: Exchange): object {
  const parsed = parse(exchange.body.toString('utf8'), exchange.headers['content-type'] ?? '');
  const record: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (typeof record === 'object' && record !== null) return record;
  throw new Failure(400, 'Exception while reading request', 'The payload is no record');
}

function parse(text: string, contentType: string): unknown {
  if (text.trim() === '') return {};
  try {
    return /xml/i.test(contentType) ? fromXml(text) : JSON.parse(text);
  } catch (cause) {
    throw new Failure(400, 'Exception while reading request', cause instanceof Error ? cause.message : null);
  }
}
