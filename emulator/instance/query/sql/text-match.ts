import { bind, type Fragment, never, sql } from '../fragment.ts';

/** What text has to look like. */
export type Pattern =
  | { readonly exactly: string }
  | { readonly startsWith: string }
  | { readonly endsWith: string }
  | { readonly contains: string };

/** SQLite refuses longer patterns; no column holds text that would match one. */
const maxPatternBytes = 50_000;

/** Whether SQLite itself folds the case of all of it. */
export function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

/**
 * Text that is ASCII alone is matched without regard to case by LIKE, the faster one; any other by GLOB, whose sets
 * (`[Üü]`) fold what SQLite does not.
 */
export function matchPattern(expression: Fragment, pattern: Pattern, caseSensitive: boolean): Fragment {
  const like = !caseSensitive && isAscii(Object.values(pattern).join(''));
  const text = like
    ? place(pattern, escapeLike, '%')
    : place(pattern, caseSensitive ? escapeGlob : foldGlob, '*');
  if (Buffer.byteLength(text) > maxPatternBytes) return never;
  return like ? sql`${expression} LIKE ${bind(text)} ESCAPE '\\'` : sql`${expression} GLOB ${bind(text)}`;
}

function place(pattern: Pattern, toLiteral: (text: string) => string, any: string): string {
  if ('exactly' in pattern) return toLiteral(pattern.exactly);
  if ('startsWith' in pattern) return toLiteral(pattern.startsWith) + any;
  if ('endsWith' in pattern) return any + toLiteral(pattern.endsWith);
  return any + toLiteral(pattern.contains) + any;
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

function escapeGlob(text: string): string {
  return text.replace(/[*?[]/g, '[$&]');
}

/** Every letter as the set of its two forms, where those are one character each. */
function foldGlob(text: string): string {
  return Array.from(text, (letter) => {
    const forms = [letter.toLowerCase(), letter.toUpperCase()];
    const plain = forms.some((form) => [...form].length !== 1) || forms[0] === forms[1];
    return plain ? escapeGlob(letter) : `[${forms.join('')}]`;
  }).join('');
}
