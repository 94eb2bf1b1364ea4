/** What node:sqlite binds. */
export type SqlValue = string | number | null;

/** A piece of SQL and the values of its question marks, in order. Nothing from a query's text is ever part of `sql`. */
export type Fragment = { readonly sql: string; readonly params: readonly SqlValue[] };

export const always: Fragment = { sql: '1', params: [] };
export const never: Fragment = { sql: '0', params: [] };

/** Joins SQL and fragments: sql`${column} = ${bind(5)}`. */
export function sql(parts: TemplateStringsArray, ...inner: readonly (Fragment | string)[]): Fragment {
  const text: string[] = [parts[0] ?? ''];
  const params: SqlValue[] = [];
  for (const [at, piece] of inner.entries()) {
    if (typeof piece === 'string') text.push(piece);
    else {
      text.push(piece.sql);
      params.push(...piece.params);
    }
    text.push(parts[at + 1] ?? '');
  }
  return { sql: text.join(''), params };
}

/** A bound value. */
export function bind(value: SqlValue): Fragment {
  return { sql: '?', params: [value] };
}

/** An identifier; names come from the schema only. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** All of the conditions; true for none. */
export function allOf(fragments: readonly Fragment[]): Fragment {
  return join(fragments, ' AND ', always);
}

/** One of the conditions; false for none. */
export function anyOf(fragments: readonly Fragment[]): Fragment {
  return join(fragments, ' OR ', never);
}

/** `(?, ?, ?)`; a long list goes as one JSON value, since SQLite limits how many values a statement may bind. */
export function list(values: readonly SqlValue[]): Fragment {
  const longest = 50;
  if (values.length <= longest) return { sql: `(${values.map(() => '?').join(', ')})`, params: values };
  return { sql: '(SELECT value FROM json_each(?))', params: [JSON.stringify(values)] };
}

function join(fragments: readonly Fragment[], by: string, none: Fragment): Fragment {
  const [first] = fragments;
  if (!first) return none;
  if (fragments.length === 1) return first;
  const texts = fragments.map((fragment) => fragment.sql);
  return { sql: nest(texts, by), params: fragments.flatMap((fragment) => fragment.params) };
}

/** In groups of groups, since SQLite reads `a OR b OR c` as nested and limits the depth of an expression. */
function nest(texts: readonly string[], by: string): string {
  const groupSize = 100;
  if (texts.length <= groupSize) return `(${texts.join(by)})`;
  const groups: string[] = [];
  for (let at = 0; at < texts.length; at += groupSize) {
    groups.push(nest(texts.slice(at, at + groupSize), by));
  }
  return nest(groups, by);
}
