import { InvalidInputError } from '../core/errors.ts';
import { toCamelCase } from '../operations/query.ts';

/** Parameters of insertMultiple; alone among ServiceNow's, their names do not start with `sysparm_`. */
const importSetGroup = new Set(['multi_import_set_id', 'run_after']);

/** A query string in the operations' terms. */
export type QueryInput = {
  readonly input: Readonly<Record<string, unknown>>;
  /** `sysparm_…` that we know nothing of; the instance gets them as they are, as from any other client. */
  readonly forwarded: readonly (readonly [string, string])[];
};

/**
 * Sorts the query parameters as ServiceNow does: `sysparm_…` are parameters, all others are `column=value` pairs where
 * the operation takes pairs.
 * @param known the operation's parameter names
 * @throws InvalidInputError for one that is given twice, misspelt or damaged, or that the operation has no use for
 */
export function readQuery(rawQueryString: string, known: readonly string[]): QueryInput {
  const entries = [...new URLSearchParams(rawQueryString)];
  refuseDamaged(rawQueryString, entries);
  refuseRepeated(entries.map(([name]) => name));
  refuseMisspelt(entries.map(([name]) => name));
  const parameters = entries.filter(([name]) => isParameter(name, known));
  const forwarded = entries.filter((entry) => !parameters.includes(entry) && entry[0].startsWith('sysparm_'));
  const pairs = entries.filter((entry) => !parameters.includes(entry) && !forwarded.includes(entry));
  return { input: { ...named(parameters), ...readPairs(pairs, known) }, forwarded };
}

function isParameter(name: string, known: readonly string[]): boolean {
  return (name.startsWith('sysparm_') || importSetGroup.has(name)) && known.includes(toCamelCase(name));
}

function named(parameters: readonly [string, string][]) {
  return Object.fromEntries(parameters.map(([name, value]) => [toCamelCase(name), value]));
}

function readPairs(pairs: readonly [string, string][], known: readonly string[]) {
  const [first] = pairs;
  if (!first) return {};
  if (known.includes('keyValuePairs')) return { keyValuePairs: Object.fromEntries(pairs) };
  throw new InvalidInputError(first[0], 'unknown query parameter; ServiceNow’s own start with sysparm_');
}

/** Percent-encoding that is not of UTF-8 decodes to U+FFFD, which as part of a condition finds too little or, denied, too much. */
function refuseDamaged(rawQueryString: string, entries: readonly (readonly [string, string])[]): void {
  const damaged = entries.find(([name, value]) => `${name}${value}`.includes('\uFFFD'));
  if (damaged === undefined || /%EF%BF%BD|\uFFFD/i.test(rawQueryString)) return;
  throw new InvalidInputError(damaged[0].replaceAll('\uFFFD', '?'), 'its percent-encoding is not UTF-8');
}

/** ServiceNow would take `sysparmQuery` for a column that no table has, drop the condition, and answer the whole table. */
function refuseMisspelt(names: readonly string[]): void {
  const misspelt = names.find((name) => /^sysparm/i.test(name) && !name.startsWith('sysparm_'));
  if (misspelt === undefined) return;
  throw new InvalidInputError(
    misspelt,
    'unknown query parameter; over HTTP it is sysparm_query, sysparm_limit, …',
  );
}

function refuseRepeated(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new InvalidInputError(twice, 'given more than once; alternatives go into sysparm_query (a=1^ORa=2)');
}
