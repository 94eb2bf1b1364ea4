import type { Column } from '../schema/table.ts';
import { type JsonPart, literal, objectSql, quoted, valueParts } from '../store/sql.ts';
import type { Presentation } from './shape.ts';

type Linking = Pick<Presentation, 'excludeReferenceLink' | 'tableUrl'>;

/**
 * A SQL expression for a row (`t0`) as the JSON object that `shapeField` gives with `sysparm_display_value=false`.
 * Writing long lists inside SQLite is several times faster than reading each value into JavaScript first.
 */
export const jsonRowSql = (columns: readonly Column[], linking: Linking): string =>
  objectSql(columns.map((column) => [column.name, fieldParts(column, linking)]));

function fieldParts(column: Column, linking: Linking): JsonPart[] {
  switch (column.kind) {
    case 'journal':
    case 'journal_list':
      return [{ text: '""' }];
    case 'reference':
    case 'document_id':
      return referenceParts(column, linking);
    default:
      return column.nullWhenEmpty === 'value' ? nullableParts(column) : valueParts(column);
  }
}

function nullableParts(column: Column): JsonPart[] {
  const value = `t0.${quoted(column.name)}`;
  return [{ sql: `iif(${value} IS NULL, 'null', json_quote(${value}))` }];
}

function referenceParts(column: Column, linking: Linking): JsonPart[] {
  const target = targetSql(column, linking.tableUrl);
  const isBare = linking.excludeReferenceLink && !column.alwaysLinked;
  if (isBare || target === undefined) return valueParts(column);
  const value = `t0.${quoted(column.name)}`;
  const plain = `json_quote(${value})`;
  const key = `iif(${value} GLOB '*[^0-9A-Za-z]*', substr(${plain}, 2, length(${plain}) - 2), ${value})`;
  const linked = `concat('{"link":"', ${target.url}, ${key}, '","value":', ${plain}, '}')`;
  const known = target.known === undefined ? linked : `iif(${target.known}, ${linked}, ${plain})`;
  return [{ sql: `iif(${value} IS NULL, '""', ${known})` }];
}

/** Where the links of the column lead to, up to the key, and when there is such a place at all. */
function targetSql(column: Column, tableUrl: string): { url: string; known?: string } | undefined {
  if (column.reference !== undefined) {
    const key = column.referenceKey === undefined ? '/' : `?${column.referenceKey}=`;
    return { url: literal(inJson(`${tableUrl}/${column.reference}${key}`)) };
  }
  if (column.documentTable === undefined) return undefined;
  const table = `t0.${quoted(column.documentTable)}`;
  const name = `substr(json_quote(${table}), 2, length(json_quote(${table})) - 2)`;
  return { url: `${literal(inJson(`${tableUrl}/`))}, ${name}, '/'`, known: `${table} IS NOT NULL` };
}

const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
