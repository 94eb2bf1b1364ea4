import { isTrue } from '../../http/exchange.ts';
import { type ColumnPath, findPath } from '../../query/column-path.ts';
import type { CompiledQuery } from '../../query/compile.ts';
import { allOf, bind, type Fragment, sql } from '../../query/fragment.ts';
import { collate } from '../../query/sql/compare.ts';
import { columnSql, displaySql, from, ofClass, type Scope } from '../../query/sql/scope.ts';
import type { Column } from '../../schema/table.ts';
import { readMode } from '../table/request.ts';

/** What can be computed over the rows of a group. */
export type AggregateFunction = 'count' | 'min' | 'max' | 'avg' | 'sum';

/** `count^state^>^3` */
export type Having = {
  readonly function: AggregateFunction;
  readonly field: string;
  readonly operator: HavingOperator;
  readonly value: number;
};
type HavingOperator = '=' | '!=' | '<' | '>' | '<=' | '>=';

/** `field`, `COUNT` or `AVG^field`, each with `^DESC` behind it or not. */
export type AggregateOrder = {
  readonly function: AggregateFunction | undefined;
  readonly field: string;
  readonly descending: boolean;
};

/** The `sysparm_*` of an Aggregate API call. */
export type AggregateParameters = {
  readonly count: boolean;
  /** Field names by what is asked about them, in the order of the answer. */
  readonly fields: readonly (readonly [Exclude<AggregateFunction, 'count'>, readonly string[]])[];
  readonly groupBy: readonly string[];
  readonly orderBy: readonly AggregateOrder[];
  readonly having: readonly Having[];
  readonly displayValue: 'false' | 'true' | 'all';
};

const functions: readonly AggregateFunction[] = ['count', 'min', 'max', 'avg', 'sum'];
const havingOperators: readonly HavingOperator[] = ['=', '!=', '<', '>', '<=', '>='];

/** What makes no sense counts as not given. */
export function readAggregateParameters(given: URLSearchParams): AggregateParameters {
  const list = (name: string) => splitList(given.get(name));
  return {
    count: isTrue(given.get('sysparm_count')),
    fields: [
      ['min', list('sysparm_min_fields')],
      ['max', list('sysparm_max_fields')],
      ['avg', list('sysparm_avg_fields')],
      ['sum', list('sysparm_sum_fields')],
    ],
    groupBy: list('sysparm_group_by'),
    orderBy: list('sysparm_order_by').map(readOrder),
    having: list('sysparm_having').flatMap(readHaving),
    displayValue: readMode(given.get('sysparm_display_value')),
  };
}

function splitList(text: string | null): string[] {
  return (text ?? '').split(',').flatMap((name) => name.trim() || []);
}

function readOrder(text: string): AggregateOrder {
  const parts = text.split('^');
  const descending = parts.at(-1)?.toUpperCase() === 'DESC';
  const [first = '', second = ''] = descending ? parts.slice(0, -1) : parts;
  const named = asFunction(first);
  const isFunction = named !== undefined && (named === 'count' || second !== '');
  return isFunction
    ? { function: named, field: second, descending }
    : { function: undefined, field: first, descending };
}

function readHaving(text: string): Having[] {
  const [name = '', field = '', sign, value = ''] = text.split('^');
  const named = asFunction(name);
  const operator = havingOperators.find((known) => known === sign);
  if (!named || !operator || value === '' || !Number.isFinite(Number(value))) return [];
  return [{ function: named, field, operator, value: Number(value) }];
}

function asFunction(text: string): AggregateFunction | undefined {
  return functions.find((known) => known === text.toLowerCase());
}

/** One aggregate of the answer: `stats.avg.priority`, or `stats.count` without a path. */
export type Measure = { readonly function: AggregateFunction; readonly path: ColumnPath | undefined };

/** A SELECT whose columns are `g0`, `g1`… (values of the groups) and `m0`, `m1`… (the measures). */
export type Statement = {
  readonly select: Fragment;
  readonly groups: readonly ColumnPath[];
  readonly measures: readonly Measure[];
};

/** Fields that the table does not have, and sums over what is no number, are left out. */
export function compileStatement(
  scope: Scope,
  condition: CompiledQuery,
  parameters: AggregateParameters,
): Statement {
  const names = new Set([...parameters.groupBy, ...condition.groupBy]);
  const groups = [...names].flatMap((name) => findPath(scope.schema, scope.table, name) ?? []);
  const measures = measuresOf(scope, parameters);
  const where = allOf([{ sql: condition.where, params: condition.params }, ofClass(scope)]);
  const rows = sql`SELECT ${columns(scope, groups, measures)} FROM ${from(scope)} WHERE ${where}`;
  if (groups.length === 0) return { select: rows, groups, measures };
  const having = allOf(parameters.having.flatMap((one) => compileHaving(scope, one)));
  const order = compileOrder(scope, groups, parameters.orderBy);
  const select = sql`${rows} GROUP BY ${groupKeys(scope, groups)} HAVING ${having} ORDER BY ${order}`;
  return { select, groups, measures };
}

function measuresOf(scope: Scope, { count, fields }: AggregateParameters): Measure[] {
  const measures: Measure[] = count ? [{ function: 'count', path: undefined }] : [];
  for (const [name, list] of fields) {
    for (const field of list) {
      const path = findPath(scope.schema, scope.table, field);
      if (path && canMeasure(name, path.leaf.column)) measures.push({ function: name, path });
    }
  }
  return measures;
}

function canMeasure(name: AggregateFunction, { kind }: Column): boolean {
  if (name === 'min' || name === 'max') return true;
  return ['integer', 'decimal', 'currency', 'boolean', 'duration'].includes(kind);
}

function columns(scope: Scope, groups: readonly ColumnPath[], measures: readonly Measure[]): Fragment {
  const list = [
    ...groups.map((path, at) => sql`${columnSql(scope, path)} AS g${String(at)}`),
    ...measures.map((measure, at) => sql`${compileMeasure(scope, measure)} AS m${String(at)}`),
  ];
  return list.length === 0 ? sql`1` : commaList(list);
}

/** Durations are added up in seconds and given back as durations are stored. */
function compileMeasure(scope: Scope, { function: name, path }: Measure): Fragment {
  if (!path || name === 'count') return sql`COUNT(*)`;
  const expression = columnSql(scope, path);
  if (name === 'min' || name === 'max' || path.leaf.column.kind !== 'duration') {
    return sql`${name.toUpperCase()}(${expression})`;
  }
  return sql`datetime(round(${name.toUpperCase()}(unixepoch(${expression}))), 'unixepoch')`;
}

function groupKeys(scope: Scope, groups: readonly ColumnPath[]): Fragment {
  return commaList(groups.map((path) => sql`${columnSql(scope, path)}${collate(scope, path.leaf.column)}`));
}

function compileHaving(scope: Scope, having: Having): Fragment[] {
  const path = findPath(scope.schema, scope.table, having.field);
  if (having.function !== 'count' && !path) return [];
  const measure = compileMeasure(scope, { function: having.function, path });
  return [sql`${measure} ${having.operator} ${bind(having.value)}`];
}

/** What is left tied comes in the order of the groups' own values. */
function compileOrder(
  scope: Scope,
  groups: readonly ColumnPath[],
  orderBy: readonly AggregateOrder[],
): Fragment {
  const asked = orderBy.flatMap((order) => compileOrderKey(scope, order));
  return commaList([...asked, ...groups.map((path) => orderedValue(scope, path))]);
}

function compileOrderKey(scope: Scope, order: AggregateOrder): Fragment[] {
  const path = findPath(scope.schema, scope.table, order.field);
  const direction = order.descending ? ' DESC' : '';
  if (order.function === undefined) return path ? [sql`${orderedValue(scope, path)}${direction}`] : [];
  if (order.function !== 'count' && !path) return [];
  return [sql`${compileMeasure(scope, { function: order.function, path })}${direction}`];
}

function orderedValue(scope: Scope, path: ColumnPath): Fragment {
  return sql`${displaySql(scope, path)}${collate(scope, path.leaf.column)}`;
}

function commaList(fragments: readonly Fragment[]): Fragment {
  return fragments.reduce((all, one) => sql`${all}, ${one}`);
}
