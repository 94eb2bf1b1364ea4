import { type ColumnPath, findPath } from '../column-path.ts';
import { bind, type Fragment, sql } from '../fragment.ts';
import { type CompileComparison, collate } from './compare.ts';
import { columnSql, type Scope } from './scope.ts';
import { calendarUnit, shift, wallTime } from './time.ts';

/** `fSAMEASg`, and `fSAMEASg@day` for the same calendar unit in the user's zone. Two empty columns are not the same. */
export const sameAs: CompileComparison = (scope, path, text) => compare(scope, path, text, '=');

export const notSameAs: CompileComparison = (scope, path, text) => {
  const differ = compare(scope, path, text, '<>');
  const other = findOther(scope, text);
  if (!differ || !other || !scope.context.switches.negationFindsEmpty) return differ;
  return sql`(${columnSql(scope, path)} IS NULL OR ${columnSql(scope, other)} IS NULL OR ${differ})`;
};

/** `fGT_FIELDg` and its kin. */
export function againstField(operator: '<' | '>' | '<=' | '>='): CompileComparison {
  return (scope, path, text) => {
    const other = findOther(scope, text);
    return other && compareColumns(scope, path, other, operator);
  };
}

/** `fMORETHANg@day@before@1`: f lies more than a day before g. */
export const moreThan: CompileComparison = (scope, path, text) => {
  const distance = readDistance(scope, text);
  if (!distance) return undefined;
  const { edge, before } = distance;
  return sql`datetime(${columnSql(scope, path)}) ${before ? '<' : '>'} ${edge}`;
};

/** `fLESSTHANg@day@before@3`: f lies before g (or with it), but by less than three days. */
export const lessThan: CompileComparison = (scope, path, text) => {
  const distance = readDistance(scope, text);
  if (!distance) return undefined;
  const { edge, other, before } = distance;
  const time = sql`datetime(${columnSql(scope, path)})`;
  const near = sql`${time} ${before ? '>' : '<'} ${edge}`;
  return sql`(${near} AND ${time} ${before ? '<=' : '>='} datetime(${other}))`;
};

function compare(scope: Scope, path: ColumnPath, text: string, operator: '=' | '<>'): Fragment | undefined {
  const other = findOther(scope, text);
  if (!other) return undefined;
  const [, unit] = text.split('@');
  if (unit === undefined) return compareColumns(scope, path, other, operator);
  const left = calendarUnit(wallTime(scope, path), unit);
  const right = calendarUnit(wallTime(scope, other), unit);
  return left && right && sql`${left} ${operator} ${right}`;
}

function compareColumns(scope: Scope, left: ColumnPath, right: ColumnPath, operator: string): Fragment {
  const collation = collate(scope, left.leaf.column);
  return sql`${columnSql(scope, left)} ${operator} ${columnSql(scope, right)}${collation}`;
}

function readDistance(
  scope: Scope,
  text: string,
): { edge: Fragment; other: Fragment; before: boolean } | undefined {
  const [, unit = '', direction = '', count = ''] = text.split('@');
  const path = findOther(scope, text);
  const before = direction === 'before';
  if (!path || !(before || direction === 'after') || !/^\d+$/.test(count)) return undefined;
  const by = shift(unit, before ? -Number(count) : Number(count));
  if (by === undefined) return undefined;
  const other = columnSql(scope, path);
  return { edge: sql`datetime(${other}, ${bind(by)})`, other, before };
}

function findOther(scope: Scope, text: string): ColumnPath | undefined {
  return findPath(scope.schema, scope.table, text.split('@')[0] ?? '');
}
