import type { Column } from '../../schema/table.ts';
import type { ColumnPath } from '../column-path.ts';
import {
  allOf,
  always,
  anyOf,
  bind,
  type Fragment,
  list,
  never,
  quote,
  type SqlValue,
  sql,
} from '../fragment.ts';
import { readValue, type Value } from '../values/value.ts';
import { columnSql, displaySql, isText, type Scope } from './scope.ts';
import { isAscii, matchPattern, type Pattern } from './text-match.ts';

/** Every word is part of some text column of the row. A text index knows whole words and stems; this knows letters. */
export function hasWords(scope: Scope, words: readonly string[]): Fragment {
  const columns = scope.schema.columns(scope.table).filter(({ kind }) => kind === 'string');
  const inAnyColumn = (word: string) =>
    anyOf(
      columns.map(({ name }) => matchPattern(sql`${scope.alias}.${quote(name)}`, { contains: word }, false)),
    );
  return allOf(words.map(inAnyColumn));
}

export const contains: CompileComparison = (scope, path, text) =>
  matchText(scope, path, text, (value) => ({ contains: value }));

export const startsWith: CompileComparison = (scope, path, text) =>
  matchText(scope, path, text, (value) => ({ startsWith: value }));

export const endsWith: CompileComparison = (scope, path, text) =>
  matchText(scope, path, text, (value) => ({ endsWith: value }));

export const doesNotContain: CompileComparison = (scope, path, text) => {
  const some = contains(scope, path, text);
  return some && negate(scope, displaySql(scope, path), some);
};

/** References match by what they show, as the documentation's "starts with Don" on Caller does. */
function matchText(
  scope: Scope,
  path: ColumnPath,
  text: string,
  toPattern: (value: string) => Pattern,
): Fragment | undefined {
  const scripted = text.startsWith('javascript:')
    ? readValue(path.leaf.column, text, scope.context)
    : undefined;
  if (scripted && scripted.kind !== 'literal') return never;
  const pattern = toPattern(scripted ? String(scripted.value) : text);
  return matchPattern(displaySql(scope, path), pattern, scope.context.switches.caseSensitiveText);
}

/** The sys_ids of the groups that the user belongs to, as a sub-select; none where the schema knows no groups. */
export function myGroups({ schema, context }: Scope): Fragment {
  if (!schema.table('sys_user_grmember')) return sql`SELECT NULL WHERE 0`;
  return sql`SELECT "group" FROM "sys_user_grmember" WHERE "user" = ${bind(context.user.sysId)}`;
}

/** Compiles a comparison of a column with a value; undefined makes the clause invalid. */
export type CompileComparison = (scope: Scope, path: ColumnPath, value: string) => Fragment | undefined;

/** The column is empty. */
export const isEmpty = (scope: Scope, path: ColumnPath): Fragment => sql`${columnSql(scope, path)} IS NULL`;
/** The column has a value. */
export const isNotEmpty = (scope: Scope, path: ColumnPath): Fragment =>
  sql`${columnSql(scope, path)} IS NOT NULL`;

/** The opposite of a condition for rows where `expression` has a value; empty ones join in by `withEmpty` or by switch. */
export function negate(scope: Scope, expression: Fragment, condition: Fragment, withEmpty = false): Fragment {
  if (withEmpty || scope.context.switches.negationFindsEmpty) {
    return sql`(${expression} IS NULL OR NOT ${condition})`;
  }
  return sql`(${expression} IS NOT NULL AND NOT ${condition})`;
}

/** ` COLLATE NOCASE` where text compares without regard to case. */
export function collate({ context }: Scope, column: Column): string {
  if (!isText(column.kind)) return '';
  return context.switches.caseSensitiveText ? ' COLLATE BINARY' : ' COLLATE NOCASE';
}

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
