import { boolean, choice, dateTime, documentId, integer, reference, text } from '../schema/columns.ts';
import type { Column, Table } from '../schema/table.ts';

const states = [
  ['pending', 'Pending'],
  ['inserted', 'Inserted'],
  ['updated', 'Updated'],
  ['ignored', 'Ignored'],
  ['skipped', 'Skipped'],
  ['error', 'Error'],
] as const;

const runStates = [
  ['running', 'Running'],
  ['complete', 'Complete'],
  ['complete_with_errors', 'Complete with errors'],
  ['cancelled', 'Cancelled'],
  ['did_not_complete', 'Did not complete'],
] as const;

const errorCodes = [
  ['100', 'Reference rejected'],
  ['200', 'Choice rejected'],
  ['300', 'List rejected'],
  ['800', 'Invalid target'],
  ['900', 'Script error'],
] as const;

const integers = (...names: readonly (readonly [string, string])[]): Column[] =>
  names.map(([name, label]) => integer(name, label, { defaultValue: '0' }));

const importSet: Table = {
  name: 'sys_import_set',
  label: 'Import Sets',
  display: 'number',
  number: { prefix: 'ISET', digits: 7 },
  columns: [
    text('number', 'Set'),
    text('table_name', 'Table', 80),
    choice('mode', 'Mode', [
      ['synchronous', 'Synchronous'],
      ['asynchronous', 'Asynchronous'],
    ]),
    choice('state', 'State', [
      ['loading', 'Loading'],
      ['loaded', 'Loaded'],
      ['processed', 'Processed'],
      ['cancelled', 'Cancelled'],
    ]),
    text('data_source', 'Data source', 32),
    dateTime('load_completed', 'Load completed'),
    text('short_description', 'Short description', 80),
    reference('multi_import_set', 'Multi import set', 'sys_multi_import_set'),
    reference('run_after', 'Run after', 'sys_import_set'),
  ],
};

const importSetRun: Table = {
  name: 'sys_import_set_run',
  label: 'Transform Histories',
  columns: [
    reference('set', 'Set', 'sys_import_set', { indexed: true }),
    reference('sys_transform_map', 'Transform map', 'sys_transform_map'),
    choice('state', 'State', runStates),
    ...integers(
      ['total', 'Total'],
      ['inserts', 'Inserts'],
      ['updates', 'Updates'],
      ['ignored', 'Ignored'],
      ['skipped', 'Skipped'],
      ['errors', 'Errors'],
    ),
    dateTime('completed', 'Completed'),
    text('run_time', 'Run time'),
  ],
};

const importSetRowError: Table = {
  name: 'sys_import_set_row_error',
  label: 'Import Set Row Errors',
  columns: [
    reference('import_set', 'Import set', 'sys_import_set', { indexed: true }),
    reference('import_set_run', 'Run history', 'sys_import_set_run'),
    text('table_name', 'Staging table', 80),
    documentId('row', 'Row', 'table_name'),
    choice('error', 'Error', errorCodes),
    text('error_message', 'Error message', 4000),
  ],
};

const importSetRow: Table = {
  name: 'sys_import_set_row',
  label: 'Import Set Rows',
  columns: [
    reference('sys_import_set', 'Set', 'sys_import_set', { indexed: true }),
    integer('sys_import_row', 'Row'),
    choice('sys_import_state', 'State', states, { defaultValue: 'pending' }),
    text('sys_import_state_comment', 'Comment', 1000),
    text('sys_target_table', 'Target table', 80),
    documentId('sys_target_sys_id', 'Target record', 'sys_target_table'),
    reference('sys_transform_map', 'Transform map', 'sys_transform_map'),
    reference('import_set_run', 'Run history', 'sys_import_set_run'),
    reference('sys_row_error', 'Error', 'sys_import_set_row_error'),
    text('template_import_log', 'Template import log', 1000),
  ],
};

const transformMap: Table = {
  name: 'sys_transform_map',
  label: 'Table Transform Maps',
  display: 'name',
  columns: [
    text('name', 'Name', 80),
    text('source_table', 'Source table', 80),
    text('target_table', 'Target table', 80),
    boolean('active', 'Active', { defaultValue: 'true' }),
    integer('order', 'Order', { defaultValue: '100' }),
    choice(
      'enforce_mandatory_fields',
      'Enforce mandatory fields',
      [
        ['no', 'No'],
        ['only_mapped', 'Only mapped fields'],
        ['all', 'All fields'],
      ],
      { defaultValue: 'no' },
    ),
    boolean('copy_empty_fields', 'Copy empty fields'),
    boolean('create_new_record_on_empty_coalesce_fields', 'Create new record on empty coalesce fields'),
  ],
};

const transformEntry: Table = {
  name: 'sys_transform_entry',
  label: 'Field Maps',
  columns: [
    reference('map', 'Map', 'sys_transform_map', { indexed: true }),
    text('source_field', 'Source field', 80),
    text('target_field', 'Target field', 80),
    boolean('coalesce', 'Coalesce'),
    boolean('coalesce_case_sensitive', 'Coalesce case sensitive'),
    boolean('coalesce_empty_fields', 'Coalesce empty fields'),
    text('reference_value_field', 'Referenced value field name', 80),
    choice(
      'choice_action',
      'Choice action',
      [
        ['create', 'create'],
        ['ignore', 'ignore'],
        ['reject', 'reject'],
      ],
      { defaultValue: 'create' },
    ),
    text('date_format', 'Date format'),
  ],
};

const multiImportSet: Table = {
  name: 'sys_multi_import_set',
  label: 'Multi Import Sets',
  columns: [text('short_description', 'Short description', 80)],
};

const restInsertMultiple: Table = {
  name: 'sys_rest_insert_multiple',
  label: 'REST Insert Multiples',
  columns: [
    text('source_table', 'Source table', 80),
    choice(
      'column_mapping',
      'Column mapping',
      [
        ['column_label', 'Column label'],
        ['column_name', 'Column name'],
      ],
      { defaultValue: 'column_label' },
    ),
    boolean('use_data_source_format', 'Use data source format'),
    choice(
      'transformation',
      'Transformation',
      [
        ['asynchronous', 'Asynchronous'],
        ['synchronous', 'Synchronous'],
      ],
      { defaultValue: 'asynchronous' },
    ),
  ],
};

/** The platform's own tables of Import Sets, each after those it extends. */
export const importTables: readonly Table[] = [
  importSet,
  importSetRun,
  importSetRowError,
  importSetRow,
  transformMap,
  transformEntry,
  multiImportSet,
  restInsertMultiple,
];
