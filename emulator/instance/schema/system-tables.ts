import { boolean, choice, guid, integer, reference, text } from './columns.ts';
import type { Table } from './table.ts';

/** Tables of the platform that the emulator itself relies on. */
export const systemTables: readonly Table[] = [
  {
    name: 'sys_db_object',
    label: 'Tables',
    refusesLists: true,
    display: 'label',
    columns: [
      text('name', 'Name', 80),
      text('label', 'Label', 80),
      reference('super_class', 'Extends table', 'sys_db_object'),
      boolean('is_extendable', 'Extensible'),
    ],
  },
  {
    name: 'sys_glide_object',
    label: 'Field classes',
    display: 'label',
    columns: [text('name', 'Name', 80), text('label', 'Label', 80)],
  },
  {
    name: 'sys_dictionary',
    label: 'Dictionary Entries',
    display: 'element',
    columns: [
      text('name', 'Table', 80),
      text('element', 'Column name', 80),
      text('column_label', 'Column label', 80),
      reference('internal_type', 'Type', 'sys_glide_object', { referenceKey: 'name' }),
      integer('max_length', 'Max length'),
      boolean('mandatory', 'Mandatory'),
      boolean('display', 'Display'),
      boolean('active', 'Active', { defaultValue: 'true' }),
      boolean('read_only', 'Read only'),
      boolean('unique', 'Unique'),
      integer('choice', 'Choice'),
      text('default_value', 'Default value', 255),
      reference('reference', 'Reference', 'sys_db_object', { referenceKey: 'name' }),
    ],
  },
  {
    name: 'sys_choice',
    label: 'Choices',
    display: 'label',
    columns: [
      text('name', 'Table', 80),
      text('element', 'Element', 80),
      text('label', 'Label', 100),
      text('value', 'Value', 60),
      integer('sequence', 'Sequence'),
      text('language', 'Language', 3, { defaultValue: 'en' }),
      boolean('inactive', 'Inactive'),
    ],
  },
  {
    name: 'sys_journal_field',
    label: 'Journal Entries',
    columns: [
      text('name', 'Name', 80),
      guid('element_id', 'Element ID', { indexed: true }),
      text('element', 'Element', 80),
      text('value', 'Value', 4000),
    ],
  },
  {
    name: 'sys_properties',
    label: 'System Properties',
    display: 'name',
    columns: [
      text('name', 'Name', 100),
      text('value', 'Value', 4000),
      text('description', 'Description', 512),
      choice('type', 'Type', [
        ['string', 'string'],
        ['boolean', 'true | false'],
        ['integer', 'integer'],
      ]),
    ],
  },
];
