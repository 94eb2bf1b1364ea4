import * as z from 'zod';
import type { Schema } from './schema.ts';
import type { Column, ColumnKind, Table } from './table.ts';

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

const name = z.string().regex(/^[a-z][a-z0-9_]*$/, 'lower-case letters, digits and underscores');
const when = z.record(name, z.array(z.string()));

const column = z.strictObject({
  name,
  label: z.string().exactOptional(),
  kind: z.enum(kinds).default('string'),
  maxLength: z.int().positive().default(40),
  mandatory: z.boolean().exactOptional(),
  defaultValue: z.string().exactOptional(),
  reference: name.exactOptional(),
  referenceKey: name.exactOptional(),
  documentTable: name.exactOptional(),
  choices: z.array(z.strictObject({ value: z.string(), label: z.string() })).exactOptional(),
  unique: z.boolean().exactOptional(),
  indexed: z.boolean().exactOptional(),
});

const table = z.strictObject({
  name,
  label: z.string().exactOptional(),
  parent: name.exactOptional(),
  display: name.exactOptional(),
  number: z.strictObject({ prefix: z.string(), digits: z.int().positive() }).exactOptional(),
  columns: z.array(column).default([]),
  policies: z
    .array(z.strictObject({ when: when.exactOptional(), mandatory: z.array(name).min(1) }))
    .exactOptional(),
  rules: z
    .array(
      z.strictObject({
        name: z.string(),
        sysId: z.string(),
        on: z.array(z.enum(['insert', 'update', 'delete'])).min(1),
        when: when.exactOptional(),
      }),
    )
    .exactOptional(),
  journalsClosedWhen: when.exactOptional(),
  views: z.record(z.string(), z.array(name)).exactOptional(),
});

/** What `--schema` reads: tables of one's own, and additions to tables that are there (given by the same name). */
export const schemaDocument = z.strictObject({ tables: z.array(table) });

export type SchemaDocument = z.input<typeof schemaDocument>;

type TableEntry = z.output<typeof table>;

/**
 * Adds the tables of a document to a schema.
 * @throws Error naming the table and column when a definition contradicts itself.
 */
export function extendSchema(schema: Schema, document: SchemaDocument): void {
  for (const entry of schemaDocument.parse(document).tables) {
    if (schema.table(entry.name)) schema.extend(entry.name, toAddition(entry));
    else schema.add({ label: labelFrom(entry.name), ...toAddition(entry), name: entry.name });
  }
  for (const table of schema.tables()) for (const one of table.columns) requireTarget(schema, table, one);
}

function requireTarget(schema: Schema, table: Table, one: Column): void {
  if (one.kind !== 'reference' || (one.reference !== undefined && schema.table(one.reference))) return;
  throw new Error(
    `schema: ${table.name}.${one.name} refers to table ${one.reference ?? '(none)'}, which is not defined`,
  );
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
