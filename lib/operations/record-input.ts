import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import { isTooDeepText, maxDepth, parseJson, tooDeep } from '../core/parse-json.ts';
import { storedText } from './stored-value.ts';

/** Column names and values of one record, as the instance gets them. */
export type RecordColumns = Readonly<Record<string, unknown>>;

const namesOf = (columns: unknown): readonly string[] =>
  typeof columns === 'object' && columns !== null ? Object.keys(columns) : [];

/** What is said of a name that no URL can hold. */
export const notWellFormed = 'names a column with half of a character (a surrogate alone)';

/**
 * Refuses an object with a name that no column can have. Object schemas leave out `__proto__` without reporting it, which
 * would silently remove a filter on it.
 */
export const columnNames = z.unknown().check(
  z.refine((columns) => !namesOf(columns).includes(''), 'a column name is empty'),
  z.refine((columns) => !namesOf(columns).includes('__proto__'), '__proto__ is not a column name'),
  z.refine((columns) => namesOf(columns).every((name) => name.isWellFormed()), notWellFormed),
);

/** Marks text that is not JSON; no schema below accepts it, so the schema's own message is given. */
const notJson = Symbol('not JSON');

/**
 * An object, or the JSON text of one: the WSO2 connector's templates can only hand over text. It is parsed as JSON, never
 * evaluated. Empty text is an empty object.
 */
export function orJsonText<S extends z.ZodMiniType>(schema: S) {
  return z.pipe(
    z.transform((value: unknown) => (typeof value === 'string' ? readText(value) : value)),
    schema,
  );
}

function readText(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return isTooDeepText(text) ? notJson : parseJson(text);
  } catch {
    return notJson;
  }
}

/** True when a value nests deeper than can be written without exhausting the stack; level by level, not recursively. */
function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
    level = level.filter((one) => typeof one === 'object' && one !== null);
  }
  return false;
}

const oneRecord = {
  error: (issue: { readonly input?: unknown }) =>
    Array.isArray(issue.input)
      ? 'must be a single record, not an array (ServiceNow would store only the first element)'
      : 'must be a JSON object of column names and values',
};

/** Text is parsed without loss, but the event of a direct Invoke has been parsed before we get it. */
const columnValue = z.unknown().check(
  z.refine(isExact, 'is too large to be exact as a JSON number; send it as a string'),
  z.refine((value) => !isTooDeep(value), tooDeep),
);

function isExact(value: unknown): boolean {
  if (typeof value !== 'number') return true;
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
}

/** The columns of one record or row. */
export const columns = z.pipe(columnNames, z.record(z.string(), columnValue, oneRecord));

/** Where the columns of a record may come from besides the WSO2 connector's single names. */
export const recordParameters = {
  record: z.optional(orJsonText(columns)),
  apiColumns: z.optional(orJsonText(columns)),
};

const anyValue = z.optional(z.unknown().check(z.refine((value) => !isTooDeep(value), tooDeep)));

/** The columns of a task that the WSO2 connector names one by one. */
export const taskColumns = {
  number: anyValue,
  shortDescription: anyValue,
  active: anyValue,
  approval: anyValue,
  category: anyValue,
  contactType: anyValue,
};

/** The columns of a computer that the WSO2 connector names one by one for its staging table. */
export const computerColumns = {
  serialNumber: anyValue,
  cpuCount: anyValue,
  manufacturer: anyValue,
  name: anyValue,
  operatingSystem: anyValue,
  diskSpace: anyValue,
  ram: anyValue,
};

type RecordSources = {
  readonly record?: RecordColumns | undefined;
  readonly apiColumns?: RecordColumns | undefined;
};

/**
 * One record made of `record`, the single columns and `apiColumns`; a later source wins. `""` clears a column, an absent
 * one is left alone.
 * @param named the single columns that this operation takes, and their names as columns
 * @throws InvalidInputError when no source is given at all
 */
export function requireRecord(
  sources: Readonly<Record<string, unknown>> & RecordSources,
  named: Readonly<Record<string, unknown>>,
): RecordColumns {
  const single = Object.keys(named)
    .filter((name) => sources[name] !== undefined)
    .map((name) => [columnOf(name), sources[name]]);
  if (!sources.record && !sources.apiColumns && single.length === 0) {
    throw new InvalidInputError('record', 'required; a JSON object of column names and values');
  }
  return { ...sources.record, ...Object.fromEntries(single), ...sources.apiColumns };
}

/** `shortDescription` as `short_description`. */
function columnOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * The row as text, as staging tables store it: numbers and booleans as they are written, null as empty. ServiceNow turns an
 * object or a list into its own notation (`{a=1}`) without reporting it; such a row is refused here.
 * @param path where the row stands in the input, e.g. `records[3]`
 * @throws InvalidInputError naming the first column that holds an object or a list
 */
export function toTextColumns(row: RecordColumns, path: string): RecordColumns {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      if (typeof value !== 'object' || value === null) return [column, storedText(value)];
      throw new InvalidInputError(
        `${path}.${column}`,
        `must be text, a number or a boolean: staging tables store text only, and this is ${Array.isArray(value) ? 'a list' : 'an object'}`,
      );
    }),
  );
}
