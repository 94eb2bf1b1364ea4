import { allOf, anyOf, type Fragment, quote, sql } from '../fragment.ts';
import type { Scope } from './scope.ts';
import { matchPattern } from './text-match.ts';

/** Every word is part of some text column of the row. A text index knows whole words and stems; this knows letters. */
export function hasWords(scope: Scope, words: readonly string[]): Fragment {
  const columns = scope.schema.columns(scope.table).filter(({ kind }) => kind === 'string');
  const inAnyColumn = (word: string) =>
    anyOf(
      columns.map(({ name }) => matchPattern(sql`${scope.alias}.${quote(name)}`, { contains: word }, false)),
    );
  return allOf(words.map(inAnyColumn));
}
