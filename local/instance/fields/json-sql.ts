import type { Column } from '../schema/table.ts';
import { quoted } from '../store/database.ts';
import type { Presentation } from './shape.ts';

type Linking = Pick<Presentation, 'excludeReferenceLink' | 'tableUrl'>;

/**
 * A SQL expression for a row (`t0`) as the JSON object that `shapeField` gives with `sysparm_display_value=false`.
 * Writing long lists inside SQLite is several times faster than reading each value into JavaScript first.
 */
export function jsonRowSql(columns: readonly Column[], linking: Linking): string {
  const parts = columns.flatMap((column, at) => [
    literal(`${at === 0 ? '' : ','}${JSON.stringify(column.name)}:`),
    ...valueSql(column, linking),
  ]);
  return `concat('{', ${[...parts, "'}'"].join(', ')})`;
}

function valueSql(column: Column, linking: Linking): string[] {
  const value = `t0.${quoted(column.name)}`;
  switch (column.kind) {
    case 'journal':
    case 'journal_list':
      return [literal('""')];
    case 'integer':
      return [literal('"'), value, literal('"')];
    case 'decimal':
    case 'currency':
      return [literal('"'), `iif(${value} IS NULL, '', number_text(${value}))`, literal('"')];
    case 'boolean':
      return [`CASE ${value} WHEN 0 THEN '"false"' ELSE iif(${value} IS NULL, '""', '"true"') END`];
    case 'reference':
    case 'document_id':
      return [referenceSql(column, value, linking)];
    default:
      return [`iif(${value} IS NULL, '""', json_quote(${value}))`];
  }
}

function referenceSql(column: Column, value: string, linking: Linking): string {
  const plain = `json_quote(${value})`;
  const target = targetSql(column, linking.tableUrl);
  if (linking.excludeReferenceLink || target === undefined) return `iif(${value} IS NULL, '""', ${plain})`;
  const key = `iif(${value} GLOB '*[^0-9A-Za-z]*', uri_component(${value}), ${value})`;
  const linked = `concat('{"link":"', ${target.url}, ${key}, '","value":', ${plain}, '}')`;
  const known = target.known === undefined ? linked : `iif(${target.known}, ${linked}, ${plain})`;
  return `iif(${value} IS NULL, '""', ${known})`;
}

/** Where the links of the column lead to, up to the key, and when there is such a place at all. */
function targetSql(column: Column, tableUrl: string): { url: string; known?: string } | undefined {
  if (column.reference !== undefined) {
    const key = column.referenceKey === undefined ? '/' : `?${column.referenceKey}=`;
    return { url: literal(inJson(`${tableUrl}/${column.reference}${key}`)) };
  }
  if (column.documentTable === undefined) return undefined;
  const table = `t0.${quoted(column.documentTable)}`;
  const url = `${literal(inJson(`${tableUrl}/`))}, substr(json_quote(${table}), 2, length(json_quote(${table})) - 2), '/'`;
  return { url, known: `${table} IS NOT NULL` };
}

const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
