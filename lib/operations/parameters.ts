import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import * as names from '../servicenow/names.ts';
import { columnNames, orJsonText } from './record-input.ts';

const required = (what: string) => ({
  error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? `required; ${what}` : what),
});

export const tableName = z
  .string(required('a table name'))
  .check(z.regex(names.tableName.pattern, names.tableName.rule));

export const sysId = z.string(required('a sys_id')).check(z.regex(names.sysId.pattern, names.sysId.rule));

/** The version segment of the path; without one the instance uses its newest. */
export const apiVersion = z.optional(z.enum(['v1', 'v2'], 'v1 or v2'));

/** Names one write, so that repeating it has no second effect. */
export const idempotencyKey = z.optional(
  z.string('must be text').check(z.regex(/^[\x21-\x7e]{1,255}$/, '1 to 255 visible ASCII characters')),
);

const visible = /(?![\p{Default_Ignorable_Code_Point}\u2800])[\p{L}\p{N}\p{P}\p{S}\p{Co}]/u;

/** True for text that shows nothing, characters without a width included: two such names cannot be distinguished. */
export function isBlank(text: string): boolean {
  return !visible.test(text);
}

const text = z.optional(z.string('must be text'));

/** One of some words in any letter case, as instances read them (`True`, `FALSE`); a boolean counts as its word. */
function word(words: readonly [string, ...string[]], message: string) {
  const spelled = z.transform((value: unknown) =>
    typeof value === 'string' || typeof value === 'boolean' ? String(value).trim().toLowerCase() : value,
  );
  return z.optional(z.pipe(spelled, z.enum(words, message)));
}

/** A boolean that a write or the width of a query depends on: what is none is refused. */
const flag = word(['true', 'false'], 'true or false');

/** A boolean that only shapes the answer: what is none is passed on, and the instance takes it as it does. */
const shape = z.optional(
  z.pipe(
    z.union([z.string(), z.boolean()], 'true or false'),
    z.transform((value) => {
      const spelled = String(value).trim().toLowerCase();
      return ['true', 'false', 'all'].includes(spelled) ? spelled : String(value);
    }),
  ),
);

/**
 * Instances accept a sign, more digits than an integer has, and a negative limit or offset; their own `Link` header offers an
 * offset of -1.
 */
const wholeNumber = z.optional(
  z.pipe(
    z.pipe(
      z.union([z.string(), z.number()], 'a whole number'),
      z.transform((value) => String(value).trim()),
    ),
    z.string().check(z.regex(/^[+-]?\d+$/, 'a whole number')),
  ),
);

/** A comma list; a direct Invoke may give an array instead. */
const columnList = z.optional(
  z.pipe(
    z.union([z.string(), z.array(z.string())], 'a comma-separated list of column names'),
    z.transform((value) => (typeof value === 'string' ? value : value.join(','))),
  ),
);

/** Shapes how records come back: every Table API call but DELETE takes these. */
export const readParameters = {
  sysparmDisplayValue: shape,
  sysparmFields: columnList,
  sysparmView: text,
  sysparmExcludeReferenceLink: shape,
};

export const queryNoDomain = { sysparmQueryNoDomain: flag };

export const pageParameters = { sysparmQuery: text, sysparmLimit: wholeNumber, sysparmOffset: wholeNumber };

export const listParameters = {
  ...pageParameters,
  sysparmQueryCategory: text,
  sysparmNoCount: shape,
  sysparmSuppressPaginationHeader: shape,
};

export const writeParameters = {
  ...readParameters,
  sysparmInputDisplayValue: flag,
  sysparmSuppressAutoSysField: flag,
};

export const aggregateParameters = {
  sysparmQuery: text,
  sysparmCount: shape,
  sysparmAvgFields: columnList,
  sysparmMinFields: columnList,
  sysparmMaxFields: columnList,
  sysparmSumFields: columnList,
  sysparmGroupBy: columnList,
  sysparmOrderBy: columnList,
  sysparmHaving: text,
  sysparmDisplayValue: shape,
};

/** `sysparmDisplayValue` as ServiceNow spells it: `sysparm_display_value`. */
export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `sysparm_display_value` as the WSO2 connector spells it: `sysparmDisplayValue`. */
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

/** The name and the value of a pair are checked apart; both messages are given by the same schema. */
const pairError = {
  error: (issue: { readonly code?: string }) =>
    issue.code === 'invalid_key'
      ? 'must be a column name: letters, digits, underscores, and dots to follow a reference'
      : 'must be an object of column names and values',
};

const pairValue = z.pipe(
  z.union([z.string(), z.number(), z.boolean()], 'must be a string, a number or a boolean'),
  z.transform((value) => String(value)),
);

/** `a=b&c=d`, which the WSO2 connector put into the URL unchanged, as an object. */
const orQueryText = z.transform((value: unknown, { issues }) => {
  if (typeof value !== 'string' || !/^[^{=]+=/.test(value)) return value;
  const pairs = [...new URLSearchParams(value)];
  const names = new Set(pairs.map(([name]) => name));
  if (names.size < pairs.length) {
    const message = 'names a column more than once; put alternatives into sysparmQuery (a=1^ORa=2)';
    issues.push({ code: 'custom', input: value, message });
  }
  return Object.fromEntries(pairs);
});

/** The WSO2 connector's `keyValuePairs`: `{ column: value }`, equalities that every record answered meets. */
export const keyValuePairs = z.optional(
  z.pipe(orQueryText, orJsonText(z.pipe(columnNames, z.record(pairName, pairValue, pairError)))),
);

/**
 * Adds the pairs to the query. ServiceNow takes either pairs or an encoded query, and ignores the pairs when it gets both.
 * @throws InvalidInputError when both are given
 */
export function addPairs(
  query: URLSearchParams,
  pairs: Readonly<Record<string, string>> | undefined,
): URLSearchParams {
  const given = Object.entries(pairs ?? {});
  if (given.length > 0 && query.has('sysparm_query')) {
    const names = given.map(([name]) => `${name}=…`).join(', ');
    throw new InvalidInputError(
      'keyValuePairs',
      `${names} cannot be combined with an encoded query; add the conditions to the query`,
    );
  }
  for (const [name, value] of given) query.append(name, value);
  return query;
}
