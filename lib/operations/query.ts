import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import { columnNames } from './column-names.ts';
import { orJsonText } from './json-text.ts';

/** `sysparmDisplayValue` as ServiceNow spells it: `sysparm_display_value`. */
export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `sysparm_display_value` as the seed spells it: `sysparmDisplayValue`. */
export function toCamelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

/** The query string of the checked `sysparm…` parameters; names become ServiceNow's, values are encoded. */
export function toQuery(parameters: Readonly<Record<string, unknown>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (name.startsWith('sysparm') && typeof value === 'string') query.append(toSnakeCase(name), value);
  }
  return query;
}

const pairName = z.string().check(z.regex(/^(?!sysparm)[A-Za-z0-9_.]{1,200}$/i));

/** The name is judged apart from the value; both messages hang on the same schema. */
const pairError = {
  error: (issue: { readonly code?: string }) =>
    issue.code === 'invalid_key'
      ? 'a pair is named after a column: letters, digits, underscores, and dots to walk a reference'
      : 'must be an object of column names and values',
};

const pairValue = z.pipe(
  z.union([z.string(), z.number(), z.boolean()], 'must be text, a number or a boolean'),
  z.transform((value) => String(value)),
);

/** `a=b&c=d`, which the seed put into the URL as it was, as an object. */
const orQueryText = z.transform((value: unknown, { issues }) => {
  if (typeof value !== 'string' || !/^[^{=]+=/.test(value)) return value;
  const pairs = [...new URLSearchParams(value)];
  const names = new Set(pairs.map(([name]) => name));
  if (names.size < pairs.length) {
    const message = 'names a column more than once; alternatives go into sysparmQuery (a=1^ORa=2)';
    issues.push({ code: 'custom', input: value, message });
  }
  return Object.fromEntries(pairs);
});

/** The seed's `keyValuePairs`: `{ column: value }`, equalities that every record answered meets. */
export const keyValuePairs = z.optional(
  z.pipe(orQueryText, orJsonText(z.pipe(columnNames, z.record(pairName, pairValue, pairError)))),
);

/**
 * Adds the pairs to the query. ServiceNow takes either pairs or an encoded query, and drops one of them without a word
 * when it gets both.
 * @throws InvalidInputError when both are given.
 */
export function addPairs(
  query: URLSearchParams,
  pairs: Readonly<Record<string, string>> | undefined,
): URLSearchParams {
  const given = Object.entries(pairs ?? {});
  if (given.length > 0 && query.has('sysparm_query')) {
    throw new InvalidInputError(
      'keyValuePairs',
      `${namesOf(given)} cannot stand beside an encoded query; add to it`,
    );
  }
  for (const [name, value] of given) query.append(name, value);
  return query;
}

function namesOf(pairs: readonly [string, string][]): string {
  return pairs.map(([name]) => `${name}=…`).join(', ');
}
