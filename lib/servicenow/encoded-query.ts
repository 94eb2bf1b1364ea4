import { InvalidInputError } from '../core/errors.ts';

/** Operators that take one value (docs/servicenow-contract.md 2.1). */
type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'LIKE' | 'NOT LIKE' | 'STARTSWITH' | 'ENDSWITH';

/** An encoded query; every method returns a new one. `toString()` gives the text for `sysparm_query`. */
export type EncodedQuery = {
  /** One condition, joined by AND. `=` with an empty value asks for an empty column. @throws InvalidInputError naming the field */
  where(field: string, operator: Operator, value: string): EncodedQuery;
  /** The column holds one of the values. @throws InvalidInputError naming the field; no values at all is an error, since ServiceNow would drop the condition */
  oneOf(field: string, values: readonly string[]): EncodedQuery;
  isEmpty(field: string): EncodedQuery;
  isNotEmpty(field: string): EncodedQuery;
  /** The column holds the user who asks. @param by what it holds of a user */
  isCaller(field: string, by?: 'sys_id' | 'user_name'): EncodedQuery;
  orderBy(field: string, direction?: 'ascending' | 'descending'): EncodedQuery;
  toString(): string;
};

/**
 * Builds a query out of untrusted values: none of them can add a condition or be evaluated as a script (docs/servicenow-contract.md 2.2).
 * @example encodedQuery().where('active', '=', 'true').oneOf('state', ['1', '2']).orderBy('sys_id').toString()
 */
export function encodedQuery(clauses: readonly string[] = []): EncodedQuery {
  const and = (...more: string[]) => encodedQuery([...clauses, ...more]);
  return {
    where: (field, operator, value) => and(condition(checkField(field), operator, value)),
    oneOf: (field, values) => and(membership(checkField(field), values)),
    isEmpty: (field) => and(`${checkField(field)}ISEMPTY`),
    isNotEmpty: (field) => and(`${checkField(field)}ISNOTEMPTY`),
    isCaller: (field, by = 'sys_id') =>
      and(`${checkField(field)}=javascript:gs.${by === 'sys_id' ? 'getUserID' : 'getUserName'}()`),
    orderBy: (field, direction = 'ascending') =>
      and(`${direction === 'ascending' ? 'ORDERBY' : 'ORDERBYDESC'}${checkField(field)}`),
    toString: () => clauses.join('^'),
  };
}

/**
 * Splits a list of values so that each part, as an IN condition in a URL, stays below `maxBytes`: URLs are refused from 8 KB
 * on (docs/servicenow-contract.md 1.4).
 */
export function splitForIn(values: readonly string[], maxBytes = 4000): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const value of new Set(values)) {
    const size = encodeURIComponent(`${value},`).length;
    if (bytes + size > maxBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(value);
    bytes += size;
  }
  return parts;
}

/**
 * Adds a condition to a given query, in each of its `^NQ` groups: at the end it would apply to the last one only.
 * @param condition one condition built with `encodedQuery()`
 */
export function narrow(query: string, condition: EncodedQuery): string {
  const added = condition.toString();
  if (query === '') return added;
  return splitGroups(query)
    .map((group) => (group === '' ? added : `${group}^${added}`))
    .join('^NQ');
}

/** `yyyy-MM-dd HH:mm:ss` in UTC, as literal times in a query are read (docs/servicenow-contract.md 2.1). */
export function instanceTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/**
 * Reads `yyyy-MM-dd HH:mm:ss` in UTC, as an instance gives times without display values.
 * @returns milliseconds since the Unix epoch; undefined for any other text, as where the user may not read the column
 */
export function parseInstanceTime(text: string): number | undefined {
  const ms = Date.parse(`${text.replace(' ', 'T')}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The `Date` of an answer gives whole seconds and travels for some more. */
const smallestOffsetMs = 30_000;

/**
 * By how much the clock of an instance is ahead of ours, in milliseconds, as an answer shows; negative where it is behind, and 0 where
 * it is too little to be distinguished from the time that the answer took.
 * @param nowMs milliseconds since the Unix epoch, right after the answer
 */
export function clockOffsetMs(headers: Readonly<Record<string, string>>, nowMs: number): number {
  const offsetMs = Date.parse(headers['date'] ?? '') - nowMs;
  return Math.abs(offsetMs) > smallestOffsetMs ? offsetMs : 0;
}

/** True when the query sorts; `^^ORDERBY` is text inside a value. */
export function hasOrder(query: string): boolean {
  return splitClauses(query).some((clause) => clause.startsWith('ORDERBY'));
}

/**
 * Escapes one value: a caret is doubled.
 * @throws InvalidInputError for control characters and for a leading `javascript:`, which ServiceNow would evaluate
 */
export function escapeValue(field: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f\u2028\u2029]/.test(value))
    throw new InvalidInputError(field, 'must not contain control characters in a query');
  if (/^\s*javascript\s*:/i.test(value))
    throw new InvalidInputError(field, 'must not start with javascript: in a query');
  return value.replaceAll('^', '^^');
}

function condition(field: string, operator: Operator, value: string): string {
  if (value === '' && operator === '=') return `${field}ISEMPTY`;
  if (value === '' && operator === '!=') return `${field}ISNOTEMPTY`;
  if (value === '') throw new InvalidInputError(field, `${operator} needs a value`);
  return `${field}${operator}${escapeValue(field, value)}`;
}

/** A comma inside a value cannot be escaped in an IN list, and an empty value cannot be part of one: then each value becomes an equality. */
function membership(field: string, values: readonly string[]): string {
  if (values.length === 0) throw new InvalidInputError(field, 'needs at least one value');
  const plain = values.every((value) => value !== '' && !value.includes(',') && value.trim() === value);
  if (!plain) return values.map((value) => condition(field, '=', value)).join('^OR');
  return `${field}IN${values.map((value) => escapeValue(field, value)).join(',')}`;
}

/** Column names are lower case; otherwise a name could be read as a name and an operator. */
function checkField(field: string): string {
  if (/^[a-z0-9_]{1,80}(\.[a-z0-9_]{1,80})*$/.test(field)) return field;
  throw new InvalidInputError('field', 'must be a column name, with dots to follow references');
}

function splitClauses(query: string): string[] {
  // A pair of carets is a literal one; taken from the left, what is left over separates.
  const clauses = [''];
  for (const token of query.match(/\^\^|\^|[^^]+/g) ?? []) {
    if (token === '^') clauses.push('');
    else clauses.push(`${clauses.pop() ?? ''}${token}`);
  }
  return clauses;
}

function splitGroups(query: string): string[] {
  const groups: string[][] = [[]];
  for (const clause of splitClauses(query)) {
    if (clause.startsWith('NQ')) groups.push([clause.slice(2)]);
    else groups.at(-1)?.push(clause);
  }
  return groups.map((clauses) => clauses.filter((clause) => clause !== '' && clause !== 'EQ').join('^'));
}
