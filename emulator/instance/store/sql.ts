import type { Column } from '../schema/table.ts';

/** Names go into SQL only quoted; the schema holds them to letters, digits and underscores. */
export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** A text of our own as a SQL literal. */
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** A piece of JSON: a text of our own, or what SQL writes for a row named `t0`; NULL writes nothing. */
export type JsonPart = { readonly text: string } | { readonly sql: string };

/** The JSON string that holds a column's value in the API's form, of a row named `t0`; `""` for empty. */
export function valueParts(column: Column): JsonPart[] {
  const value = `t0.${quoted(column.name)}`;
  switch (column.kind) {
    // None of these holds a character that JSON escapes.
    case 'integer':
    case 'date':
    case 'date_time':
    case 'due_date':
    case 'duration':
      return [{ text: '"' }, { sql: value }, { text: '"' }];
    case 'decimal':
    case 'currency':
      return [{ sql: `iif(${value} IS NULL, '""', concat('"', number_text(${value}), '"'))` }];
    case 'boolean':
      return [{ sql: `CASE ${value} WHEN 0 THEN '"false"' ELSE iif(${value} IS NULL, '""', '"true"') END` }];
    default:
      return [{ sql: `iif(${value} IS NULL, '""', json_quote(${value}))` }];
  }
}

/** SQLite takes a function with at most a thousand arguments; a wide table has more members than that. */
const argumentsAtOnce = 400;

/** SQL for a JSON object of these members, each a column and the parts of its JSON value. */
export function objectSql(members: readonly (readonly [name: string, value: readonly JsonPart[]])[]): string {
  const parts = members.flatMap(([name, value], at) => [
    { text: `${at === 0 ? '{' : ','}${JSON.stringify(name)}:` },
    ...value,
  ]);
  const written = [...parts, { text: members.length === 0 ? '{}' : '}' }];
  const pieces = joinTexts(written).map((part) => ('text' in part ? literal(part.text) : part.sql));
  const groups: string[] = [];
  for (let at = 0; at < pieces.length; at += argumentsAtOnce) {
    groups.push(`concat(${pieces.slice(at, at + argumentsAtOnce).join(', ')})`);
  }
  return groups.length === 1 ? groups.join() : `concat(${groups.join(', ')})`;
}

/** Texts that follow one another become one: SQLite writes every argument by itself. */
function joinTexts(parts: readonly JsonPart[]): JsonPart[] {
  const joined: JsonPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (last && 'text' in last && 'text' in part) joined.splice(-1, 1, { text: last.text + part.text });
    else joined.push(part);
  }
  return joined;
}
