import { InvalidInputError } from '../core/errors.ts';
import type { OperationInput } from '../operations/define-operation.ts';
import { toCamelCase } from '../operations/parameters.ts';

/** Parameters of insertMultiple and of attachments; alone among ServiceNow's, their names do not start with `sysparm_`. */
export const bareNames = new Set([
  'multi_import_set_id',
  'run_after',
  'table_name',
  'table_sys_id',
  'file_name',
  'creation_time',
  'encryption_context',
]);

type Pair = readonly [name: string, value: string];

/** A query string in the operations' terms. */
type QueryInput = {
  readonly input: OperationInput;
  /** What the instance gets as the caller sent it. */
  readonly forwarded: readonly Pair[];
  /** Every name, in the order in which the caller gave them. */
  readonly order: readonly string[];
  /** Headers of the answer that report what was not understood. */
  readonly notes: Readonly<Record<string, string>>;
};

/**
 * Sorts the query parameters as ServiceNow does: `sysparm_…` are parameters, all others are `column=value` pairs where
 * the operation takes pairs and no encoded query is given. What an instance ignores is ignored, and reported in a header.
 * @param known the operation's parameter names
 * @throws InvalidInputError where a mistake would widen the query: a damaged, misspelt or contradicting condition
 */
export function readQuery(rawQueryString: string, known: readonly string[]): QueryInput {
  const entries = distinct([...new URLSearchParams(rawQueryString)], known);
  refuseDamaged(rawQueryString, entries);
  for (const [name] of entries) refuseMisspelt(name, known);
  const parameters = entries.filter(([name]) => isParameter(name, known));
  const others = entries.filter((entry) => !parameters.includes(entry));
  const forwarded = others.filter(([name]) => name.startsWith('sysparm_'));
  const pairs = others.filter(([name]) => !name.startsWith('sysparm_'));
  const takesPairs =
    known.includes('keyValuePairs') && !parameters.some(([name, value]) => name === 'sysparm_query' && value);
  return {
    input: {
      ...Object.fromEntries(parameters.map(([name, value]) => [toCamelCase(name), value])),
      ...(takesPairs && pairs.length > 0 && { keyValuePairs: pairsOf(pairs) }),
    },
    forwarded,
    order: entries.map(([name]) => name),
    notes: {
      ...listed(
        'x-unknown-parameters',
        forwarded.filter(([name]) => name !== 'sysparm_tiny'),
      ),
      ...(!takesPairs && listed('x-ignored-parameters', pairs)),
    },
  };
}

/** `Object.fromEntries` keeps `__proto__` as a property of its own, which the check of column names then refuses. */
function pairsOf(pairs: readonly Pair[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs);
}

function listed(header: string, entries: readonly Pair[]): Record<string, string> {
  if (entries.length === 0) return {};
  const names = entries.map(([name]) => encodeURIComponent(name.toWellFormed())).join(',');
  return { [header]: names.slice(0, 1_000) };
}

function isParameter(name: string, known: readonly string[]): boolean {
  return (name.startsWith('sysparm_') || bareNames.has(name)) && known.includes(toCamelCase(name));
}

/**
 * Of a parameter that is given more than once the first value counts, as for the servlets of an instance. Conditions that
 * contradict each other are refused: dropping one of them would widen the query.
 */
function distinct(entries: readonly [string, string][], known: readonly string[]): [string, string][] {
  const first = new Map<string, string>();
  const hasQuery = entries.some(([name, value]) => name === 'sysparm_query' && value !== '');
  // Pairs are ignored next to a query, and `_` always: browser libraries add it to get around caches.
  const isPair = (name: string) => !hasQuery && name !== '_' && !isSysparmOrParameter(name, known);
  for (const [name, value] of entries) {
    const before = first.get(name);
    const isCondition = name === 'sysparm_query' || name === 'sysparm_having' || isPair(name);
    if (before === undefined) first.set(name, value);
    else if (before !== value && isCondition && known.includes('sysparmQuery'))
      throw new InvalidInputError(
        name,
        'is given more than once; put alternatives into sysparm_query (a=1^ORa=2)',
      );
  }
  return [...first];
}

function isSysparmOrParameter(name: string, known: readonly string[]): boolean {
  return name.startsWith('sysparm_') || isParameter(name, known);
}

/** Percent-encoding that is not of UTF-8 decodes to U+FFFD, which as part of a condition finds too little or, negated, too much. */
function refuseDamaged(rawQueryString: string, entries: readonly Pair[]): void {
  const damaged = entries.find(([name, value]) => `${name}${value}`.includes('\uFFFD'));
  if (damaged === undefined || /%EF%BF%BD|\uFFFD/i.test(rawQueryString)) return;
  throw new InvalidInputError(damaged[0].replaceAll('\uFFFD', '?'), 'is not percent-encoded UTF-8');
}

/**
 * ServiceNow would take `sysparmQuery` for a column that no table has, drop the condition, and answer the whole table; the same
 * goes for `sysparm_qurey`. Any other misspelt name is passed on and reported.
 */
function refuseMisspelt(name: string, known: readonly string[]): void {
  if (!/^sysparm/i.test(name)) return;
  if (!name.startsWith('sysparm_'))
    throw new InvalidInputError(
      name,
      'unknown query parameter; over HTTP it is sysparm_query, sysparm_limit, …',
    );
  const isKnown = known.includes(toCamelCase(name));
  const letters = (text: string) => [...new Set(text.toLowerCase().replace(/[^a-z]/g, ''))].sort().join('');
  if (!isKnown && known.includes('sysparmQuery') && letters(name) === letters('sysparm_query'))
    throw new InvalidInputError(name, 'unknown query parameter; did you mean sysparm_query?');
}
