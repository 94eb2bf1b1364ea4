import { allOf, always, anyOf, type Fragment, never } from '../fragment.ts';
import { type ChangeOperator, isChange, type Operator } from '../operators.ts';
import type { Condition, QueryTree } from '../tree.ts';
import { againstField, lessThan, moreThan, notSameAs, sameAs } from './column-against-column.ts';
import {
  anything,
  between,
  type CompileComparison,
  contains,
  doesNotContain,
  endsWith,
  equals,
  hasWords,
  isEmpty,
  isNoneOf,
  isNotEmpty,
  isOneOf,
  notEquals,
  ordered,
  startsWith,
} from './compare.ts';
import { dynamic, inHierarchy, inHierarchyDynamic, instanceOf } from './hierarchy.ts';
import { countsRelated, joins } from './related.ts';
import type { Scope } from './scope.ts';
import { datePart, notOn, on, relative, relativeSame } from './time.ts';

const comparisons: Readonly<Record<Exclude<Operator, ChangeOperator>, CompileComparison>> = {
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
  SAMEAS: sameAs,
  NSAMEAS: notSameAs,
  GT_FIELD: againstField('>'),
  LT_FIELD: againstField('<'),
  GT_OR_EQUALS_FIELD: againstField('>='),
  LT_OR_EQUALS_FIELD: againstField('<='),
  MORETHAN: moreThan,
  LESSTHAN: lessThan,
  ON: on,
  NOTON: notOn,
  RELATIVEGT: relative('>'),
  RELATIVEGE: relative('>='),
  RELATIVELT: relative('<'),
  RELATIVELE: relative('<='),
  RELATIVEEE: relativeSame,
  DATEPART: datePart,
  INSTANCEOF: instanceOf,
  DYNAMIC: dynamic,
  IN_HIERARCHY: inHierarchy,
  IN_HIERARCHY_DYNAMIC: inHierarchyDynamic,
};

/** The condition of a whole query on the scope's row. */
export function compileTree(scope: Scope, tree: QueryTree): Fragment {
  const compiled = tree.alternatives.map((all) => all.map((any) => compileAny(scope, any)));
  const clauses = compiled.flat(2);
  if (clauses.includes(undefined) && scope.context.switches.invalidQueryReturnsNoRows) return never;
  if (compiled.length === 0) return always;
  return anyOf(compiled.map((all) => allOf(all.flatMap(keepValid))));
}

/** Invalid clauses are dropped, and with the last of its clauses the whole condition, so that the filter widens. */
function keepValid(any: readonly (Fragment | undefined)[]): Fragment[] {
  const valid = any.filter((clause) => clause !== undefined);
  return valid.length > 0 ? [anyOf(valid)] : [];
}

function compileAny(scope: Scope, any: readonly Condition[]): (Fragment | undefined)[] {
  return any.filter(isAboutRow).map((condition) => compileCondition(scope, condition));
}

/** What asks for changes has a meaning in the conditions of rules alone; here it is passed over, without being wrong. */
function isAboutRow(condition: Condition): boolean {
  return condition.kind !== 'compare' || !isChange(condition.operator);
}

function compileCondition(scope: Scope, condition: Condition): Fragment | undefined {
  switch (condition.kind) {
    case 'compare':
      if (isChange(condition.operator)) return undefined;
      return comparisons[condition.operator](scope, condition.path, condition.value);
    case 'words':
      return hasWords(scope, condition.words);
    case 'relatedList':
      return countsRelated(scope, condition, compileTree);
    case 'join':
      return joins(scope, condition, compileTree);
    case 'anything':
      return always;
    case 'invalid':
      return undefined;
  }
}
