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
  for (const entry of entries) refuseMisspelt(entry, known);
  const parameters = entries.filter(([name]) => isParameter(name, known));
  const others = entries.filter((entry) => !parameters.includes(entry));
  const forwarded = others.filter(([name]) => name.startsWith('sysparm_'));
  const misspelt = others.filter(([name]) => isMisspelt(name));
  const rest = others.filter(([name]) => !name.startsWith('sysparm_') && !isMisspelt(name));
  const takesPairs =
    known.includes('keyValuePairs') && !parameters.some(([name, value]) => name === 'sysparm_query' && value);
  const pairs = takesPairs ? rest.filter(([name]) => name === '' || mayBeColumn.test(name)) : [];
  return {
    input: {
      ...Object.fromEntries(parameters.map(([name, value]) => [toCamelCase(name), value])),
      ...(pairs.length > 0 && { keyValuePairs: pairsOf(pairs) }),
    },
    forwarded,
    order: entries.map(([name]) => name),
    notes: {
      ...listed(
        'x-unknown-parameters',
        others.filter(
          (entry) => (forwarded.includes(entry) && entry[0] !== 'sysparm_tiny') || misspelt.includes(entry),
        ),
      ),
      ...listed(
        'x-ignored-parameters',
        rest.filter((entry) => !pairs.includes(entry)),
      ),
    },
  };
}

/** What a column may be called, with dots to follow references; what is no such name is no condition to an instance either. */
const mayBeColumn = /^[A-Za-z0-9_.]{1,200}$/;

/** Names such as `sysparam_limit` and `sys_parm_limit`: an instance ignores them. */
function isMisspelt(name: string): boolean {
  return !name.startsWith('sysparm_') && /^sys.{0,3}pa?ra?m/i.test(name);
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
  const kept: [string, string][] = [];
  const first = { parameters: new Map<string, string>(), others: new Map<string, string>() };
  const hasQuery = entries.some(([name, value]) => name === 'sysparm_query' && value !== '');
  // Pairs are ignored next to a query, and `_` always: browser libraries add it to get around caches.
  const isPair = (name: string) => !hasQuery && name !== '_' && !isSysparmOrParameter(name, known);
  for (const [name, value] of entries) {
    // A parameter may have two spellings. A misspelt name is no parameter, and takes the place of none.
    const isOurs = isParameter(name, known);
    const values = isOurs ? first.parameters : first.others;
    const spelling = isOurs ? name.replaceAll('_', '') : name;
    const before = values.get(spelling);
    const isCondition = name === 'sysparm_query' || name === 'sysparm_having' || isPair(name);
    if (before === undefined) {
      values.set(spelling, value);
      kept.push([name, value]);
    } else if (before !== value && isCondition && known.includes('sysparmQuery'))
      throw new InvalidInputError(
        name,
        'is given more than once; put alternatives into sysparm_query (a=1^ORa=2)',
      );
  }
  return kept;
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
 * goes for `sysparm_qurey`, `sysparam_query` and `query=active=true`. Any other misspelt name is reported.
 */
function refuseMisspelt([name, value]: Pair, known: readonly string[]): void {
  if (/^sysparm/i.test(name) && !name.startsWith('sysparm_'))
    throw new InvalidInputError(
      name,
      'unknown query parameter; over HTTP it is sysparm_query, sysparm_limit, …',
    );
  if (known.includes(toCamelCase(name)) || !known.includes('sysparmQuery')) return;
  if (isAlmostQuery(name) || (name === 'query' && /[=^]/.test(value)))
    throw new InvalidInputError(name, 'unknown query parameter; did you mean sysparm_query?');
}

const queryLetters = 'sysparmquery';

/** Two letters more, less or other than `sysparm_query` has, whatever stands between the words. */
function isAlmostQuery(name: string): boolean {
  const letters = name
    .toLowerCase()
    .replace(/[^a-z]/g, '')
    .replace(/^sysparams?/, 'sysparm');
  return Math.abs(letters.length - queryLetters.length) <= 2 && editDistance(letters, queryLetters) <= 2;
}

/** Letters to insert, delete or replace (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(
        Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1),
      );
    row = next;
  }
  return row.at(-1) ?? 0;
}
