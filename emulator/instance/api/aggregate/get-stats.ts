import { displayValue, Viewer } from '../../fields/shape.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { type ColumnPath, columnsOn } from '../../query/column-path.ts';
import { rootScope } from '../../query/sql/scope.ts';
import type { InstanceState } from '../../state.ts';
import { decode } from '../../store/encode.ts';
import { readCondition, requireReadable, tableOf } from '../table/request.ts';
import {
  type AggregateParameters,
  compileStatement,
  type Measure,
  readAggregateParameters,
} from './statement.ts';

type SqlRow = Readonly<Record<string, unknown>>;
type Stats = Record<string, string | Record<string, string>>;

/**
 * GET /stats/{table}: count, min, max, avg and sum of the rows that match, as a whole or by groups. Every number is
 * text, averages with four decimals. Nothing is computed that was not asked for.
 */
export function getStats(exchange: Exchange, state: InstanceState): Answer {
  const table = tableOf(exchange, state);
  const parameters = readAggregateParameters(exchange.url.searchParams);
  const { clock, switches, schema, store } = state;
  const scope = rootScope(schema, table, { clock, switches, user: exchange.user });
  const condition = readCondition(exchange, state, table);
  const { select, groups, measures } = compileStatement(scope, condition, parameters);
  const measured = measures.flatMap(({ path }) => path ?? []);
  requireReadable(exchange, state, [...groups, ...measured].flatMap(columnsOn));
  const rows = store.lagging(() => store.query(select.sql, select.params));
  if (groups.length === 0)
    return { status: 200, json: { result: { stats: statsOf(measures, rows[0] ?? {}) } } };
  const viewer = new Viewer(store, exchange.user);
  const result = rows.map((row) => ({
    stats: statsOf(measures, row),
    groupby_fields: groups.map((path, at) => groupField(viewer, parameters, path, row[`g${at}`])),
  }));
  return { status: 200, json: { result } };
}

function statsOf(measures: readonly Measure[], row: SqlRow): Stats {
  const stats: Stats = {};
  for (const [at, measure] of measures.entries()) {
    const value = format(measure, row[`m${at}`]);
    const { path } = measure;
    if (!path) stats[measure.function] = value;
    else stats[measure.function] = { ...asRecord(stats[measure.function]), [path.text]: value };
  }
  return stats;
}

function format({ function: name, path }: Measure, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (name === 'avg' && typeof value === 'number') return value.toFixed(4);
  if (path && (name === 'min' || name === 'max')) return decode(path.leaf.column, value);
  return typeof value === 'number' ? String(Number(value.toPrecision(15))) : String(value);
}

function asRecord(value: Stats[string] | undefined): Record<string, string> {
  return typeof value === 'object' ? value : {};
}

function groupField(
  viewer: Viewer,
  { displayValue: mode }: AggregateParameters,
  path: ColumnPath,
  stored: unknown,
): Record<string, string> {
  const { column } = path.leaf;
  const value = decode(column, stored);
  if (mode === 'false') return { field: path.text, value };
  const display = value === '' ? '' : (displayValue(viewer, column, value, { [column.name]: value }) ?? '');
  return mode === 'true'
    ? { field: path.text, value: display }
    : { field: path.text, display_value: display, value };
}
