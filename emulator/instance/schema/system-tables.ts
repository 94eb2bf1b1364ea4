import { boolean, choice, guid, integer, reference, text, titled } from './columns.ts';
import type { Column, Table } from './table.ts';

/** What other applications may do with a table, and how it is numbered and shown: rows of `sys_db_object` have it. */
const tableOptions: readonly Column[] = [
  ...Object.entries({
    create_access: 'true',
    read_access: 'true',
    update_access: 'true',
    delete_access: 'false',
    alter_access: 'true',
    actions_access: 'true',
    client_scripts_access: 'true',
    configuration_access: 'false',
    ws_access: 'true',
    create_access_controls: 'false',
    live_feed_enabled: 'false',
    scriptable_table: 'false',
  }).map(([name, defaultValue]) => boolean(name, titled(name), { defaultValue })),
  ...['access', 'caller_access', 'extension_model', 'sys_class_code', 'sys_class_path', 'user_role'].map(
    (name) => text(name, titled(name)),
  ),
];

const globalApplication = { defaultValue: 'global' };

/** Tables of the platform that the emulator itself relies on. */
export const systemTables: readonly Table[] = [
  { name: 'sys_package', label: 'Package', display: 'name', columns: [text('name', 'Name', 100)] },
  {
    name: 'sys_number',
    label: 'Numbers',
    display: 'prefix',
    columns: [text('category', 'Table', 80), text('prefix', 'Prefix'), integer('number', 'Number')],
  },
  { name: 'sys_scope', label: 'Application', display: 'name', columns: [text('name', 'Name', 100)] },
  {
    name: 'sys_metadata',
    label: 'Application File',
    display: 'sys_name',
    columns: [
      text('sys_name', 'Display name', 255),
      reference('sys_scope', 'Application', 'sys_scope', globalApplication),
      reference('sys_package', 'Package', 'sys_package', globalApplication),
      text('sys_policy', 'Protection policy'),
      text('sys_update_name', 'Update name', 250),
    ],
  },
  {
    name: 'sys_script',
    label: 'Business Rule',
    parent: 'sys_metadata',
    display: 'name',
    columns: [
      text('name', 'Name', 100),
      text('collection', 'Table', 80, { indexed: true }),
      boolean('active', 'Active', { defaultValue: 'true' }),
      text('when', 'When', 40, { defaultValue: 'before' }),
      integer('order', 'Order', { defaultValue: '100' }),
      boolean('action_insert', 'Insert'),
      boolean('action_update', 'Update'),
      boolean('action_delete', 'Delete'),
      boolean('action_query', 'Query'),
      boolean('abort_action', 'Abort action'),
      boolean('add_message', 'Add message'),
      text('message', 'Message', 4000),
      text('filter_condition', 'Filter Conditions', 4000),
      text('condition', 'Condition', 254),
      boolean('advanced', 'Advanced'),
      text('script', 'Script', 8000),
    ],
  },
  {
    name: 'sys_db_object',
    label: 'Tables',
    parent: 'sys_metadata',
    refusesLists: true,
    display: 'label',
    columns: [
      text('name', 'Name', 80, { unique: true }),
      text('label', 'Label', 80),
      reference('super_class', 'Extends table', 'sys_db_object'),
      boolean('is_extendable', 'Extensible'),
      reference('number_ref', 'Auto number', 'sys_number'),
      ...tableOptions,
      text('sys_tags', 'Tags', 40, { onlyWhenAsked: true }),
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
    parent: 'sys_metadata',
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
    name: 'sys_documentation',
    label: 'Field Labels',
    parent: 'sys_metadata',
    display: 'label',
    columns: [
      text('name', 'Table', 80),
      text('element', 'Element', 80),
      text('label', 'Label', 80),
      text('plural', 'Plural', 80),
      text('help', 'Help', 4000),
      text('hint', 'Hint', 254),
      text('language', 'Language', 3, { defaultValue: 'en' }),
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

/** Longer than any chunk in base64. */
const chunkTextLength = 1_000_000;

/** Files on records: what is known of a file, its bytes in chunks, and attributes such as an alt text. */
export const attachmentTables: readonly Table[] = [
  {
    name: 'sys_attachment',
    label: 'Attachments',
    display: 'file_name',
    columns: [
      guid('table_sys_id', 'Table sys ID', { indexed: true }),
      integer('size_bytes', 'Size bytes'),
      integer('image_height', 'Image height'),
      text('file_name', 'File name', 255),
      boolean('compressed', 'Compressed'),
      text('average_image_color', 'Average image color', 40),
      text('table_name', 'Table name', 80),
      integer('image_width', 'Image width'),
      text('content_type', 'Content type', 255),
      integer('size_compressed', 'Size compressed'),
      text('hash', 'Hash', 64),
      integer('chunk_size_bytes', 'Chunk size bytes'),
      text('state', 'State', 40),
      text('encryption_context', 'Encryption context', 32),
    ],
  },
  {
    name: 'sys_attachment_doc',
    label: 'Attachment Documents',
    columns: [
      reference('sys_attachment', 'Attachment', 'sys_attachment', { indexed: true }),
      integer('position', 'Position'),
      integer('length', 'Length'),
      text('data', 'Data', chunkTextLength),
    ],
  },
  {
    name: 'sys_attachment_attribute',
    label: 'Attachment Attributes',
    display: 'key',
    columns: [
      reference('attachment', 'Attachment', 'sys_attachment', { indexed: true }),
      text('key', 'Key', 255),
      text('value', 'Value', 4000),
    ],
  },
];

/** Roles, and who has them. */
export const roleTables: readonly Table[] = [
  {
    name: 'sys_user_role',
    label: 'Role',
    display: 'name',
    columns: [text('name', 'Name', 100, { unique: true }), text('description', 'Description', 1000)],
  },
  {
    name: 'sys_user_has_role',
    label: 'User Role',
    columns: [
      reference('user', 'User', 'sys_user', { indexed: true }),
      reference('role', 'Role', 'sys_user_role'),
    ],
  },
];
