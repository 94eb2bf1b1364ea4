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

export function allOf(fragments: readonly Fragment[]): Fragment {
  return join(fragments, ' AND ', always);
}

export function anyOf(fragments: readonly Fragment[]): Fragment {
  return join(fragments, ' OR ', never);
}

/** `(?, ?, ?)` */
export function list(values: readonly SqlValue[]): Fragment {
  return { sql: `(${values.map(() => '?').join(', ')})`, params: values };
}

/** In halves, since SQLite limits the depth of an expression and reads `a OR b OR c` as nested. */
function join(fragments: readonly Fragment[], by: string, none: Fragment): Fragment {
  const [first, ...others] = fragments;
  if (!first) return none;
  if (others.length === 0) return first;
  const middle = Math.ceil(fragments.length / 2);
  const left = join(fragments.slice(0, middle), by, none);
  return sql`(${left}${by}${join(fragments.slice(middle), by, none)})`;
}
