import type { Schema } from './schema.ts';
import type { Column, Table } from './table.ts';

/**
 * Holds every table of a schema to what its definition names.
 * @throws Error naming the table and the column that is not there.
 */
export function checkSchema(schema: Schema): void {
  for (const table of schema.tables()) {
    for (const [part, name] of namedColumns(table)) requireColumn(schema, table.name, part, name);
    for (const column of table.columns) checkTarget(schema, table, column);
  }
}

/** The columns that a table names outside their definitions, and where it does so. */
function namedColumns(table: Table): [part: string, column: string][] {
  const { display, policies = [], rules = [], journalsClosedWhen = {}, views = {} } = table;
  const within = (part: string, names: readonly string[]) =>
    names.map((name): [string, string] => [part, name]);
  return [
    ...within('display', display === undefined ? [] : [display]),
    ...within(
      'policies',
      policies.flatMap(({ mandatory, when = {} }) => [...mandatory, ...Object.keys(when)]),
    ),
    ...within(
      'rules',
      rules.flatMap(({ when = {} }) => Object.keys(when)),
    ),
    ...within('journalsClosedWhen', Object.keys(journalsClosedWhen)),
    ...within('views', Object.values(views).flat()),
  ];
}

function checkTarget(schema: Schema, table: Table, column: Column): void {
  const place = `${table.name}.${column.name}`;
  if (column.kind === 'document_id')
    requireColumn(schema, table.name, `documentTable of ${column.name}`, column.documentTable ?? '(none)');
  if (column.kind !== 'reference') return;
  if (column.reference === undefined || !schema.table(column.reference))
    throw new Error(`schema: ${place} refers to table ${column.reference ?? '(none)'}, which is not defined`);
  if (column.referenceKey !== undefined)
    requireColumn(schema, column.reference, `referenceKey of ${place}`, column.referenceKey);
}

function requireColumn(schema: Schema, table: string, part: string, name: string): void {
  if (schema.column(table, name)) return;
  throw new Error(`schema: table ${table} has no column ${name}, which its ${part} names`);
}
