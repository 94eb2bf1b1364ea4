import type { ColumnPath } from '../column-path.ts';
import { always, anyOf, bind, type Fragment, list, never, type SqlValue, sql } from '../fragment.ts';
import { readValue, type Value } from '../values/value.ts';
import { type CompileComparison, collate, isEmpty, isNotEmpty, negate } from './comparison.ts';
import { myGroups } from './membership.ts';
import { startsWith } from './pattern.ts';
import { columnSql, isText, type Scope } from './scope.ts';
import { isAscii, matchPattern } from './text-match.ts';

/** An empty value asks for empty columns. */
export const equals: CompileComparison = (scope, path, text) => {
  const short = scope.context.switches.trailingPercentStartsWith && /^[^%]+%$/.test(text);
  return short ? startsWith(scope, path, text.slice(0, -1)) : isAnyOf(scope, path, [text]);
};

/** A comma list. */
export const isOneOf: CompileComparison = (scope, path, text) => isAnyOf(scope, path, text.split(','));

/** Booleans count an empty column as different from any value, as documented; other kinds by switch. */
export const notEquals: CompileComparison = (scope, path, text) => {
  if (text === '') return isNotEmpty(scope, path);
  return except(scope, path, equals(scope, path, text));
};

export const isNoneOf: CompileComparison = (scope, path, text) =>
  except(scope, path, isOneOf(scope, path, text));

/** `<`, `>`, `<=` and `>=`: numbers by size, everything else as text. */
export function ordered(operator: '<' | '>' | '<=' | '>='): CompileComparison {
  return (scope, path, text) => {
    const value = readValue(path.leaf.column, text, scope.context);
    if (value.kind === 'myGroups') return undefined;
    if (value.kind === 'impossible') return never;
    const collation = collate(scope, path.leaf.column);
    return sql`${columnSql(scope, path)} ${operator} ${bind(value.value)}${collation}`;
  };
}

/** `BETWEENa@b`, both ends included. */
export const between: CompileComparison = (scope, path, text) => {
  const at = text.indexOf('@');
  if (at < 0) return undefined;
  const low = ordered('>=')(scope, path, text.slice(0, at));
  const high = ordered('<=')(scope, path, text.slice(at + 1));
  return low && high && sql`(${low} AND ${high})`;
};

export const anything: CompileComparison = () => always;

function except(scope: Scope, path: ColumnPath, same: Fragment | undefined): Fragment | undefined {
  return same && negate(scope, columnSql(scope, path), same, path.leaf.column.kind === 'boolean');
}

function isAnyOf(scope: Scope, path: ColumnPath, texts: readonly string[]): Fragment | undefined {
  const values = texts.map((text) => readOperand(scope, path, text));
  const literals = values.flatMap((value) => (value.kind === 'literal' ? [value.value] : []));
  const expression = columnSql(scope, path);
  const members = values.flatMap((value) =>
    value.kind === 'myGroups' ? [sql`${expression} IN (${myGroups(scope)})`] : [],
  );
  return anyOf([...members, ...isLiteral(scope, path, expression, literals)]);
}

function readOperand(scope: Scope, path: ColumnPath, text: string): Value {
  return text === '' ? { kind: 'literal', value: null } : readValue(path.leaf.column, text, scope.context);
}

/** One IN for all that SQLite compares rightly by itself; its folding of case ends with ASCII. */
function isLiteral(
  scope: Scope,
  path: ColumnPath,
  expression: Fragment,
  values: readonly SqlValue[],
): Fragment[] {
  const { column } = path.leaf;
  const folds = isText(column.kind) && !scope.context.switches.caseSensitiveText;
  const needsFolding = (value: SqlValue) => folds && typeof value === 'string' && !isAscii(value);
  const plain = values.filter((value) => value !== null && !needsFolding(value));
  const conditions = values
    .filter(needsFolding)
    .map((value) => matchPattern(expression, { exactly: String(value) }, false));
  if (values.includes(null)) conditions.push(isEmpty(scope, path));
  if (plain.length > 0) conditions.push(sql`${expression}${collate(scope, column)} IN ${list(plain)}`);
  return conditions;
}
