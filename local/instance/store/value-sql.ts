import type { Column } from '../schema/table.ts';
import { quoted } from './quoted.ts';

/** A text of our own as a SQL literal. */
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** SQL for the JSON string that holds a column's value in the API's form, of a row named `t0`; `""` for empty. */
export function valueSql(column: Column): string {
  const value = `t0.${quoted(column.name)}`;
  switch (column.kind) {
    case 'integer':
      return `concat('"', ${value}, '"')`;
    case 'decimal':
    case 'currency':
      return `iif(${value} IS NULL, '""', concat('"', number_text(${value}), '"'))`;
    case 'boolean':
      return `CASE ${value} WHEN 0 THEN '"false"' ELSE iif(${value} IS NULL, '""', '"true"') END`;
    default:
      return `iif(${value} IS NULL, '""', json_quote(${value}))`;
  }
}

/** SQLite takes a function with at most a thousand arguments; a wide table has more members than that. */
const argumentsAtOnce = 400;

/** SQL for a JSON object of these members, each a column and the SQL of its JSON value. */
export function objectSql(members: readonly (readonly [name: string, valueSql: string])[]): string {
  const parts = members.flatMap(([name, value], at) => [
    literal(`${at === 0 ? '' : ','}${JSON.stringify(name)}:`),
    value,
  ]);
  const groups: string[] = [];
  for (let at = 0; at < parts.length; at += argumentsAtOnce) {
    groups.push(`concat(${parts.slice(at, at + argumentsAtOnce).join(', ')})`);
  }
  return `concat('{', ${[...groups, "'}'"].join(', ')})`;
}
