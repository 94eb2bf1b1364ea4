import * as z from 'zod/mini';
import * as names from '../servicenow/names.ts';

const required = (what: string) => ({
  error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? `required; ${what}` : what),
});

export const tableName = z
  .string(required('a table name'))
  .check(z.regex(names.tableName.pattern, names.tableName.rule));

export const sysId = z.string(required('a sys_id')).check(z.regex(names.sysId.pattern, names.sysId.rule));

/** The version segment of the path; without one the instance uses its newest. */
export const apiVersion = z.optional(z.enum(['v1', 'v2'], 'v1 or v2'));

const text = z.optional(z.string('must be text'));

const flag = z.optional(
  z.pipe(
    z.union([z.boolean(), z.enum(['true', 'false'])], 'true or false'),
    z.transform((value) => String(value)),
  ),
);

const displayValue = z.optional(
  z.pipe(
    z.union([z.boolean(), z.enum(['true', 'false', 'all'])], 'true, false or all'),
    z.transform((value) => String(value)),
  ),
);

const wholeNumber = z.optional(
  z.pipe(
    z.pipe(
      z.union([z.string(), z.number()], 'a whole number, 0 or more'),
      z.transform((value) => String(value)),
    ),
    z.string().check(z.regex(/^\d{1,9}$/, 'a whole number, 0 or more')),
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
  sysparmDisplayValue: displayValue,
  sysparmFields: columnList,
  sysparmView: text,
  sysparmExcludeReferenceLink: flag,
};

export const queryNoDomain = { sysparmQueryNoDomain: flag };

export const listParameters = {
  sysparmQuery: text,
  sysparmLimit: wholeNumber,
  sysparmOffset: wholeNumber,
  sysparmQueryCategory: text,
  sysparmNoCount: flag,
  sysparmSuppressPaginationHeader: flag,
};

export const writeParameters = {
  ...readParameters,
  sysparmInputDisplayValue: flag,
  sysparmSuppressAutoSysField: flag,
};

export const aggregateParameters = {
  sysparmQuery: text,
  sysparmCount: flag,
  sysparmAvgFields: columnList,
  sysparmMinFields: columnList,
  sysparmMaxFields: columnList,
  sysparmSumFields: columnList,
  sysparmGroupBy: columnList,
  sysparmOrderBy: columnList,
  sysparmHaving: text,
  sysparmDisplayValue: displayValue,
};

/** What the seed calls the path of a staging row. */
export const stagingAliases = {
  stagingTableName: 'tableName',
  tableNameStaging: 'tableName',
  sysIdStaging: 'sysId',
};
