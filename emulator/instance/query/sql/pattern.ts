import type { ColumnPath } from '../column-path.ts';
import { type Fragment, never } from '../fragment.ts';
import { readValue } from '../values/value.ts';
import { type CompileComparison, negate } from './comparison.ts';
import { displaySql, type Scope } from './scope.ts';
import { matchPattern, type Pattern } from './text-match.ts';

export const contains: CompileComparison = (scope, path, text) =>
  matchText(scope, path, text, (value) => ({ contains: value }));

export const startsWith: CompileComparison = (scope, path, text) =>
  matchText(scope, path, text, (value) => ({ startsWith: value }));

export const endsWith: CompileComparison = (scope, path, text) =>
  matchText(scope, path, text, (value) => ({ endsWith: value }));

export const doesNotContain: CompileComparison = (scope, path, text) => {
  const some = contains(scope, path, text);
  return some && negate(scope, displaySql(scope, path), some);
};

/** References match by what they show, as the documentation's "starts with Don" on Caller does. */
function matchText(
  scope: Scope,
  path: ColumnPath,
  text: string,
  toPattern: (value: string) => Pattern,
): Fragment | undefined {
  const scripted = text.startsWith('javascript:')
    ? readValue(path.leaf.column, text, scope.context)
    : undefined;
  if (scripted && scripted.kind !== 'literal') return never;
  const pattern = toPattern(scripted ? String(scripted.value) : text);
  return matchPattern(displaySql(scope, path), pattern, scope.context.switches.caseSensitiveText);
}
