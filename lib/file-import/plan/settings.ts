import { TextDecoder } from 'node:util';
import { getNodeValue, type Node, type ParseError, parseTree } from 'jsonc-parser';
import * as z from 'zod/mini';
import { ConfigurationError, firstIssue } from '../../core/errors.ts';
import { isTooDeepText, tooDeep } from '../../core/parse-json.ts';
import { formatProblem, isZone } from './date-column.ts';
import { errorText, quoteHint } from './json-problem.ts';

/** The WHATWG name behind a label such as `latin1`. @throws ConfigurationError when there is none. */
export function encodingName(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch (cause) {
    throw new ConfigurationError('encoding', `${JSON.stringify(label)} is not a known encoding`, { cause });
  }
}

const text = z.string().check(z.minLength(1), z.maxLength(200));

const whole = (min: number, max: number) => z.int().check(z.gte(min), z.lte(max));

const resultsPattern = /^results\/((?!\.)[\w.-]+\/)*$/;

const dateFormat = text.check(
  z.refine((format) => formatProblem(format) === undefined, {
    error: ({ input }) => formatProblem(String(input)) ?? 'is not a format',
  }),
);

const dateColumnSchema = z.strictObject({
  format: dateFormat,
  zone: z._default(z.string().check(z.refine(isZone, 'is not an IANA time zone')), 'UTC'),
});

/** What `_import.json` may say; published in `schemas/import-settings.schema.json`. */
export const settingsSchema = z.strictObject({
  /** Where an editor finds the JSON Schema of the file. */
  $schema: z.optional(z.string()),
  /** Name of the instance, where a deployment has several. */
  instance: z.optional(text),
  /** One byte; detected among `, ; tab |` when absent. */
  delimiter: z.optional(
    z.string().check(z.regex(/^[\t -!#-~]$/, 'must be one ASCII character and no quote')),
  ),
  /** Any WHATWG label; a byte order mark in the file wins. */
  encoding: z.optional(z.string().check(z.refine(isEncoding, 'is not a known encoding'))),
  /** File header -> column of the staging table, where the names do not match by themselves. */
  columns: z._default(z.record(z.string(), text), {}),
  /** Staging column -> value that every row gets. */
  constants: z._default(z.record(z.string(), z.string()), {}),
  /** File headers that are not imported; "" stands for columns without one. */
  ignoredColumns: z._default(z.array(z.string()), []),
  /** Staging column that gets `<version>:<line>`; with it no row is ever stored twice. */
  keyColumn: z.optional(text),
  /** File header -> how its dates are written. */
  dateColumns: z._default(z.record(z.string(), dateColumnSchema), {}),
  /** Leaves empty values out instead of sending `""`. */
  emptyAsAbsent: z._default(z.boolean(), false),
  /** Takes the last fields of a row for empty that it does not have, instead of rejecting it. */
  acceptShortRows: z._default(z.boolean(), false),
  mode: z._default(z.enum(['insertMultiple', 'rows']), 'insertMultiple'),
  /** What insertMultiple calls the columns of the table, where the user may not read sys_rest_insert_multiple. */
  insertMultipleKeys: z.optional(z.enum(['labels', 'names'])),
  /** ServiceNow's own advice for insertMultiple is 200. */
  rowsPerRequest: z._default(whole(1, 10_000), 200),
  concurrency: z._default(whole(1, 16), 4),
  /** One request after another, in the order of the file. */
  ordered: z._default(z.boolean(), false),
  maxErrors: z.optional(whole(0, 1_000_000_000)),
  maxErrorPercent: z.optional(z.number().check(z.gte(0), z.lte(100))),
  /** Sends rows again whose first outcome cannot be determined; they may then be stored twice. */
  resendUnknown: z._default(z.boolean(), false),
  /** How long after a lost answer the instance may still be storing the rows: its own limit is 60 s a request. */
  inDoubtSeconds: z._default(whole(0, 3_600), 60),
  /** How long no row may change its state before the rest counts as unknown. */
  verdictTimeoutSeconds: z._default(whole(1, 604_800), 3_600),
  /** Where the results go; the functions may write below `results/` only. */
  resultsPrefix: z._default(
    z.string().check(z.regex(resultsPattern, 'must be results/ or a folder in it')),
    'results/',
  ),
  /** An import goes on in a new execution after so many durable operations; Lambda allows 3,000. */
  operationsPerExecution: z._default(whole(8, 2_900), 2_500),
});

/** How the drops of one staging table are imported: `imports/{stagingTable}/_import.json`. */
export type ImportSettings = z.infer<typeof settingsSchema> & {
  /** What should be changed in the file, or on the instance, though the settings were understood. */
  readonly warnings?: readonly string[];
};

/** The settings with one more warning. */
export function withWarning(settings: ImportSettings, warning: string): ImportSettings {
  return { ...settings, warnings: [...(settings.warnings ?? []), warning] };
}

/** Names of settings in the release before this one, which are still read. */
const renamed: Readonly<Record<string, string>> = { settleAfterSeconds: 'inDoubtSeconds' };

/**
 * Reads `_import.json`; without one (undefined) everything has its default.
 * @throws ConfigurationError naming the setting that is wrong
 */
export function parseSettings(json: string | undefined): ImportSettings {
  const { value, warnings } = withNewNames(json === undefined ? {} : parseJson(json));
  const parsed = settingsSchema.safeParse(value);
  if (parsed.success) return warnings.length > 0 ? { ...parsed.data, warnings } : parsed.data;
  const { issues } = parsed.error;
  const issue = firstIssue(issues);
  throw new ConfigurationError(settingName(issue), describe(issue));
}

/** Settings as a plan keeps them; an import that the release before this one began is still under its old names. */
export function storedSettings(settings: ImportSettings): ImportSettings {
  const stored: Record<string, unknown> = { ...settings };
  for (const [old, name] of Object.entries(renamed)) if (old in stored) stored[name] = stored[old];
  return { ...settings, ...stored };
}

/** @throws ConfigurationError where a setting is given by both its names */
function withNewNames(value: unknown): { readonly value: unknown; readonly warnings: readonly string[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { value, warnings: [] };
  const warnings: string[] = [];
  const settings = new Map(Object.entries(value));
  for (const [old, name] of Object.entries(renamed)) {
    if (!settings.has(old)) continue;
    if (settings.has(name))
      throw new ConfigurationError(`_import.json.${old}`, `is the old name of ${name}; leave it out`);
    settings.set(name, settings.get(old));
    settings.delete(old);
    warnings.push(`${old} is now called ${name}; the old name is read until the next release`);
  }
  return { value: warnings.length > 0 ? Object.fromEntries(settings) : value, warnings };
}

/** The settings with every default. */
export const defaultSettings: ImportSettings = parseSettings(undefined);

type Issue = z.core.$ZodIssue | undefined;

function settingName(issue: Issue): string {
  return ['_import.json', ...(issue?.path ?? []).map(String)].join('.');
}

/** What a value of the wrong kind should have been. */
const kinds: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  record: 'an object',
  object: 'an object',
};

function describe(issue: Issue): string {
  switch (issue?.code) {
    case 'unrecognized_keys': {
      const known = issue.path.length === 0 ? settingsSchema : dateColumnSchema;
      return `unknown setting ${issue.keys.join(', ')}; there are: ${Object.keys(known.def.shape).join(', ')}`;
    }
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters long' : ''}`;
    default:
      return issue?.message ?? 'is wrong';
  }
}

/** JSON, with comments and trailing commas. @throws ConfigurationError with line and column of what is wrong */
function parseJson(json: string): unknown {
  const text = json.replace(/^\uFEFF/, '');
  if (text.trim() === '') throw new ConfigurationError('_import.json', 'is empty; delete it, or write {}');
  // UTF-16 that was read as UTF-8.
  if (/[\0\uFFFD]/.test(text)) throw new ConfigurationError('_import.json', 'is not UTF-8; save it as UTF-8');
  // The parser and what reads its tree recurse.
  if (isTooDeepText(text)) throw new ConfigurationError('_import.json', tooDeep);
  try {
    return parseText(text);
  } catch (error) {
    // Quotes in comments hide brackets from the count.
    if (error instanceof RangeError) throw new ConfigurationError('_import.json', tooDeep);
    throw error;
  }
}

function parseText(text: string): unknown {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first)
    throw new ConfigurationError(
      '_import.json',
      `is not JSON: ${errorText(first)} ${placeOf(text, first.offset)}${quoteHint(text)}`,
    );
  refuseRepeatedNames(root, text);
  return root && getNodeValue(root);
}

function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `at line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}

/** JSON takes the last of two members of one name; here the other one would be ignored without a word. */
function refuseRepeatedNames(node: Node | undefined, text: string): void {
  const seen = new Set<string>();
  for (const child of node?.children ?? []) {
    const [name] = child.type === 'property' ? (child.children ?? []) : [];
    const key: unknown = name?.value;
    if (name && typeof key === 'string') {
      const problem = seen.has(key) ? 'is given twice' : key === '__proto__' ? 'is not a setting' : undefined;
      if (problem)
        throw new ConfigurationError(`_import.json.${key}`, `${problem} ${placeOf(text, name.offset)}`);
      seen.add(key);
    }
    refuseRepeatedNames(child, text);
  }
}

function isEncoding(label: string): boolean {
  try {
    return encodingName(label) !== '';
  } catch {
    // encodingName throws for exactly one reason, which the schema reports.
    return false;
  }
}
