import type * as z from 'zod';
import { lazySchema } from '../lazy-schema.ts';
import { checkSchema } from './check-schema.ts';
import type { Schema } from './schema.ts';
import { classColumn, systemColumns } from './system-columns.ts';
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
