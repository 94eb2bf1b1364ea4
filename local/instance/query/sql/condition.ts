import { allOf, anyOf, type Fragment, never } from '../fragment.ts';
import type { Operator } from '../operators.ts';
import type { Condition, QueryTree } from '../tree.ts';
import { anything, between, equals, isNoneOf, isOneOf, notEquals, ordered } from './compare.ts';
import { type CompileComparison, isEmpty, isNotEmpty } from './comparison.ts';
import { contains, doesNotContain, endsWith, startsWith } from './pattern.ts';
import type { Scope } from './scope.ts';

const comparisons: Readonly<Partial<Record<Operator, CompileComparison>>> = {
  '=': equals,
  '!=': notEquals,
  '<': ordered('<'),
  '>': ordered('>'),
  '<=': ordered('<='),
  '>=': ordered('>='),
  IN: isOneOf,
  'NOT IN': isNoneOf,
  LIKE: contains,
  'NOT LIKE': doesNotContain,
  STARTSWITH: startsWith,
  ENDSWITH: endsWith,
  BETWEEN: between,
  ISEMPTY: isEmpty,
  ISNOTEMPTY: isNotEmpty,
  ANYTHING: anything,
};

/** The condition of a whole query on the scope's row. */
export function compileTree(scope: Scope, tree: QueryTree): Fragment {
  const compiled = tree.alternatives.map((all) => all.map((any) => compileAny(scope, any)));
  const clauses = compiled.flat(2);
  if (clauses.includes(undefined) && scope.context.switches.invalidQueryReturnsNoRows) return never;
  if (compiled.length === 0) return allOf([]);
  return anyOf(compiled.map((all) => allOf(all.flatMap(keepValid))));
}

/** Invalid clauses are dropped, and with the last of its clauses the whole condition, so that the filter widens. */
function keepValid(any: readonly (Fragment | undefined)[]): Fragment[] {
  const valid = any.filter((clause) => clause !== undefined);
  return valid.length > 0 ? [anyOf(valid)] : [];
}

function compileAny(scope: Scope, any: readonly Condition[]): (Fragment | undefined)[] {
  return any.map((condition) => compileCondition(scope, condition));
}

function compileCondition(scope: Scope, condition: Condition): Fragment | undefined {
  switch (condition.kind) {
    case 'compare':
      return comparisons[condition.operator]?.(scope, condition.path, condition.value);
    case 'anything':
      return allOf([]);
    default:
      return undefined;
  }
}
