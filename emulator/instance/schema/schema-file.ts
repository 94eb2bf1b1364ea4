import type * as z from 'zod';
import { lazySchema } from '../lazy-schema.ts';
import { classColumn, systemColumns } from './columns.ts';
import type { Schema } from './schema.ts';
import type { Column, ColumnKind, Table } from './table.ts';

/**
 * Holds every table of a schema to what its definition names.
 * @throws Error naming the table and the column that is not there.
 */
function checkSchema(schema: Schema): void {
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

const kinds = [
  'string',
  'integer',
  'decimal',
  'boolean',
  'choice',
  'reference',
  'document_id',
  'date',
  'date_time',
  'duration',
  'due_date',
  'currency',
  'journal',
  'journal_list',
  'password2',
  'password',
  'guid',
] as const satisfies readonly ColumnKind[];

const name = lazySchema((z) =>
  z.string().regex(/^[a-z][a-z0-9_]*$/, 'lower-case letters, digits and underscores'),
);
const when = lazySchema((z) => z.record(name(), z.array(z.string())));

const column = lazySchema((z) =>
  z.strictObject({
    name: name(),
    label: z.string().exactOptional(),
    kind: z.enum(kinds).default('string'),
    maxLength: z.int().positive().default(40),
    mandatory: z.boolean().exactOptional(),
    defaultValue: z.string().exactOptional(),
    reference: name().exactOptional(),
    referenceKey: name().exactOptional(),
    documentTable: name().exactOptional(),
    choices: z.array(z.strictObject({ value: z.string(), label: z.string() })).exactOptional(),
    unique: z.boolean().exactOptional(),
    indexed: z.boolean().exactOptional(),
  }),
);

const table = lazySchema((z) =>
  z.strictObject({
    name: name(),
    label: z.string().exactOptional(),
    parent: name().exactOptional(),
    display: name().exactOptional(),
    number: z.strictObject({ prefix: z.string(), digits: z.int().positive() }).exactOptional(),
    columns: z.array(column()).default([]),
    policies: z
      .array(z.strictObject({ when: when().exactOptional(), mandatory: z.array(name()).min(1) }))
      .exactOptional(),
    rules: z
      .array(
        z.strictObject({
          name: z.string(),
          sysId: z.string(),
          on: z.array(z.enum(['insert', 'update', 'delete'])).min(1),
          when: when().exactOptional(),
        }),
      )
      .exactOptional(),
    journalsClosedWhen: when().exactOptional(),
    refusesLists: z.boolean().exactOptional(),
    views: z.record(z.string(), z.array(name())).exactOptional(),
  }),
);

/** What `--schema` reads: tables of one's own, and additions to tables that are there (given by the same name). */
export const schemaDocument = lazySchema((z) => z.strictObject({ tables: z.array(table()) }));

export type SchemaDocument = z.input<ReturnType<typeof schemaDocument>>;

type TableEntry = z.output<ReturnType<typeof table>>;

/**
 * Adds the tables of a document to a schema.
 * @throws Error naming the table and column when a definition contradicts itself.
 */
export function extendSchema(schema: Schema, document: SchemaDocument): void {
  for (const entry of schemaDocument().parse(document).tables) {
    requireOwnColumns(entry);
    const present = schema.table(entry.name);
    if (!present) schema.add({ label: labelFrom(entry.name), ...toAddition(entry), name: entry.name });
    else if (entry.parent === undefined || entry.parent === present.parent)
      schema.extend(entry.name, toAddition(entry));
    else throw new Error(`schema: ${entry.name} is there already and cannot extend ${entry.parent}`);
  }
  checkSchema(schema);
}

/** The columns that every table has are the platform's, and none is defined twice. */
function requireOwnColumns({ name: table, columns }: TableEntry): void {
  const taken = new Set([...systemColumns, classColumn].map((column) => column.name));
  for (const { name: column } of columns) {
    if (taken.has(column)) throw new Error(`schema: ${table}.${column} is there already`);
    taken.add(column);
  }
}

function toAddition({ columns, ...rest }: TableEntry): Partial<Table> & { columns: Column[] } {
  return {
    ...rest,
    columns: columns.map((one) => ({ ...one, label: one.label ?? labelFrom(one.name) })),
  };
}

/** `u_asset_owner` as `Asset owner`. */
function labelFrom(columnName: string): string {
  const words = columnName.replace(/^u_/, '').replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
