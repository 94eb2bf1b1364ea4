import jsonata from 'jsonata';
import { InvalidInputError } from '../core/errors.ts';

/** What JSONata itself defines; anything else that is called is a misspelt name. https://docs.jsonata.org/ */
const functionNames: ReadonlySet<string> = new Set(
  `abs append assert average base64decode base64encode boolean ceil clone contains count decodeUrl decodeUrlComponent distinct each
  encodeUrl encodeUrlComponent error exists filter floor formatBase formatInteger formatNumber fromMillis join keys length lookup
  lowercase map match max merge millis min not now number pad parseInteger power random reduce replace reverse round shuffle sift single
  sort split spread sqrt string substring substringAfter substringBefore sum toMillis trim type uppercase zip`.split(
    /\s+/,
  ),
);

/** Other in each evaluation: a second delivery would be other work. */
const unsteady = ['now', 'millis', 'random', 'shuffle'];

/**
 * Refuses names that mean nothing: an expression would give nothing for each event, or fail on each.
 * @param known variables of the mapping file
 * @param isSteady true where a second evaluation must give the same, e.g. for a key
 * @throws InvalidInputError naming the path
 */
export function checkNames(
  source: string,
  path: string,
  known: ReadonlySet<string>,
  isSteady: boolean,
): void {
  const nodes = nodesOf(jsonata(source).ast());
  const own = new Set(nodes.flatMap(boundNames));
  for (const name of nodes.map(calledName))
    if (name !== undefined && known.has(name) && !own.has(name))
      throw new InvalidInputError(path, `$${name} is a value of let and no function here`);
  for (const { type, value } of nodes) {
    if (type !== 'variable' || typeof value !== 'string' || value === '' || value === '$') continue;
    if (isSteady && unsteady.includes(value) && !own.has(value) && !known.has(value))
      throw new InvalidInputError(path, `must not use $${value}: the same event would give another value`);
    if (!own.has(value) && !known.has(value) && !functionNames.has(value))
      throw new InvalidInputError(path, `$${value} is neither a function nor among let`);
  }
}

/** True when an expression joins paths by `&`, to which a missing one adds nothing. */
export function joinsPaths(source: string): boolean {
  const joins = nodesOf(jsonata(source).ast()).filter(
    ({ type, value }) => type === 'binary' && value === '&',
  );
  return joins.some(({ lhs, rhs }) => [lhs, rhs].some((side) => nodesOf(side).some(isPath)));
}

type Node = Readonly<Record<string, unknown>>;

function isPath({ type }: Node): boolean {
  return type === 'path' || type === 'variable';
}

/** The variable that a node calls: `$name(…)`, `$name(?, …)` or `… ~> $name`. */
function calledName({ type, procedure, rhs }: Node): string | undefined {
  const called = type === 'function' || type === 'partial' ? procedure : type === 'apply' ? rhs : undefined;
  const { type: of, value } = Object(called);
  return of === 'variable' && typeof value === 'string' ? value : undefined;
}

/** What a node defines: by `:=`, as an argument of a function, by `@` or by `#`. */
function boundNames({ type, lhs, arguments: given, focus, index }: Node): readonly string[] {
  const bound = type === 'bind' ? [lhs] : type === 'lambda' && Array.isArray(given) ? given : [];
  return [...bound.map((one) => Object(one).value), focus, index].filter((name) => typeof name === 'string');
}

/** Every node below one, and itself. */
function nodesOf(given: unknown): readonly Node[] {
  if (typeof given !== 'object' || given === null) return [];
  const deeper = Object.values(given).flatMap(nodesOf);
  return Array.isArray(given) ? deeper : [Object.fromEntries(Object.entries(given)), ...deeper];
}
