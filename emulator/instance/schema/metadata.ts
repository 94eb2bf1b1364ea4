import type { Row } from '../row.ts';
import { sysIdOf } from '../sys-ids.ts';
import type { Schema } from './schema.ts';
import type { Column, Table } from './table.ts';

/** How the platform's dictionary calls each kind of column. */
const internalTypes: Readonly<Record<Column['kind'], string>> = {
  string: 'string',
  integer: 'integer',
  decimal: 'decimal',
  boolean: 'boolean',
  choice: 'string',
  reference: 'reference',
  document_id: 'document_id',
  date: 'glide_date',
  date_time: 'glide_date_time',
  duration: 'glide_duration',
  due_date: 'due_date',
  currency: 'currency',
  journal: 'journal_input',
  journal_list: 'journal_list',
  password: 'password',
  password2: 'password2',
  guid: 'GUID',
  class_name: 'sys_class_name',
};

/** A row together with the table it belongs to. */
export type MetadataRow = { readonly table: string; readonly row: Row };

/** The rows of sys_db_object, sys_dictionary, sys_choice and sys_glide_object that describe the schema. */
export function describeSchema(schema: Schema): MetadataRow[] {
  const types = [...new Set(Object.values(internalTypes)), 'collection'];
  return [
    ...types.map((name) => ({
      table: 'sys_glide_object',
      row: { sys_id: sysIdOf('sys_glide_object', name), name, label: name },
    })),
    ...schema.tables().flatMap((table) => describeTable(schema, table)),
  ];
}

function describeTable(schema: Schema, table: Table): MetadataRow[] {
  return [
    { table: 'sys_db_object', row: tableRow(schema, table) },
    { table: 'sys_dictionary', row: collectionRow(table) },
    ...table.columns.flatMap((column) => describeColumn(table, column)),
  ];
}

function describeColumn(table: Table, column: Column): MetadataRow[] {
  const choices = (column.choices ?? []).map((choice, at) => ({
    table: 'sys_choice',
    row: {
      sys_id: sysIdOf('sys_choice', table.name, column.name, choice.value),
      name: table.name,
      element: column.name,
      ...choice,
      sequence: String(at + 1),
    },
  }));
  return [{ table: 'sys_dictionary', row: dictionaryRow(table, column) }, ...choices];
}

const tableRow = (schema: Schema, table: Table): Row => ({
  sys_id: sysIdOf('sys_db_object', table.name),
  name: table.name,
  label: table.label,
  super_class: table.parent === undefined ? '' : sysIdOf('sys_db_object', table.parent),
  is_extendable: String(schema.descendants(table.name).length > 1),
});

/** The dictionary also has an entry without an element for the table as a whole. */
const collectionRow = (table: Table): Row => ({
  sys_id: sysIdOf('sys_dictionary', table.name, ''),
  name: table.name,
  column_label: table.label,
  internal_type: 'collection',
});

const dictionaryRow = (table: Table, column: Column): Row => ({
  sys_id: sysIdOf('sys_dictionary', table.name, column.name),
  name: table.name,
  element: column.name,
  column_label: column.label,
  internal_type: internalTypes[column.kind],
  max_length: String(column.maxLength),
  mandatory: String(column.mandatory ?? false),
  display: String(table.display === column.name),
  unique: String(column.unique ?? column.name === 'sys_id'),
  choice: column.choices ? '3' : '0',
  default_value: column.defaultValue ?? '',
  reference: column.reference ?? '',
});
