import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import { columnNames } from './column-names.ts';
import { orJsonText } from './json-text.ts';
import { toSnakeCase } from './query.ts';

/** Column names and values of one record, as the instance gets them. */
export type RecordColumns = Readonly<Record<string, unknown>>;

const oneRecord = {
  error: (issue: { readonly input?: unknown }) =>
    Array.isArray(issue.input)
      ? 'one record is due here, not a list: ServiceNow would store the first and drop the rest'
      : 'must be a JSON object of column names and values',
};

/** Text is parsed without loss, but the event of a direct Invoke has been parsed before it comes to us. */
const exactValue = z
  .unknown()
  .check(z.refine(isExact, 'a number this large has lost digits on the way here; give it in quotes'));

function isExact(value: unknown): boolean {
  if (typeof value !== 'number') return true;
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
}

/** The columns of one record or row. */
export const columns = z.pipe(columnNames, z.record(z.string(), exactValue, oneRecord));

/** Where the columns of a record may come from besides the seed's single names. */
export const recordParameters = {
  record: z.optional(orJsonText(columns)),
  apiColumns: z.optional(orJsonText(columns)),
};

const anyValue = z.optional(z.unknown());

/** The columns of a task that the seed names one by one. */
export const taskColumns = {
  number: anyValue,
  shortDescription: anyValue,
  active: anyValue,
  approval: anyValue,
  category: anyValue,
  contactType: anyValue,
};

/** The columns of a computer that the seed names one by one for its staging table. */
export const computerColumns = {
  serialNumber: anyValue,
  cpuCount: anyValue,
  manufacturer: anyValue,
  name: anyValue,
  operatingSystem: anyValue,
  diskSpace: anyValue,
  ram: anyValue,
};

/**
 * One record of `record`, the seed's single columns and `apiColumns`; a later source wins. `""` clears a column, an
 * absent one is left alone.
 * @param named the single columns that this operation takes
 * @throws InvalidInputError when no source is given at all
 */
export function requireRecord(
  sources: Readonly<Record<string, unknown>> & RecordSources,
  named: Readonly<Record<string, unknown>>,
): RecordColumns {
  const single = Object.keys(named)
    .filter((name) => sources[name] !== undefined)
    .map((name) => [toSnakeCase(name), sources[name]]);
  if (!sources.record && !sources.apiColumns && single.length === 0) {
    throw new InvalidInputError('record', 'required; a JSON object of column names and values');
  }
  return { ...sources.record, ...Object.fromEntries(single), ...sources.apiColumns };
}

type RecordSources = {
  readonly record?: RecordColumns | undefined;
  readonly apiColumns?: RecordColumns | undefined;
};
