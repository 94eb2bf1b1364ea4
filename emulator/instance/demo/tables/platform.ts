import { boolean, dateTime, integer, integerChoice, reference, text } from '../../schema/columns.ts';
import type { Column, Table } from '../../schema/table.ts';

const named = (name: string, label: string, columns: readonly Column[] = []): Table => ({
  name,
  label,
  display: 'name',
  columns: [text('name', 'Name', 100, { indexed: true }), ...columns],
});

/** Tables that others refer to, of which a demo instance has few rows or none. */
const referencedTables: readonly Table[] = [
  named('cmn_cost_center', 'Cost Center', [
    text('account_number', 'Account number'),
    text('code', 'Code'),
    reference('manager', 'Manager', 'sys_user'),
  ]),
  named('cmn_schedule', 'Schedule', [text('time_zone', 'Time zone'), text('type', 'Type')]),
  named('sys_perspective', 'Menu List', [text('title', 'Title', 80), integer('order', 'Order')]),
  {
    name: 'cmdb_model',
    label: 'Product Model',
    display: 'display_name',
    columns: [
      text('name', 'Name', 255, { indexed: true }),
      text('display_name', 'Display name', 255, { indexed: true }),
      text('model_number', 'Model number', 255),
      reference('manufacturer', 'Manufacturer', 'core_company'),
    ],
  },
  {
    name: 'alm_asset',
    label: 'Asset',
    display: 'display_name',
    columns: [
      text('display_name', 'Display name', 255, { indexed: true }),
      text('asset_tag', 'Asset tag'),
      text('serial_number', 'Serial number', 100),
      integer('install_status', 'State', { defaultValue: '1' }),
      reference('model', 'Model', 'cmdb_model'),
      reference('assigned_to', 'Assigned to', 'sys_user'),
      reference('ci', 'Configuration Item', 'cmdb_ci'),
    ],
  },
  {
    name: 'ast_contract',
    label: 'Contract',
    display: 'number',
    number: { prefix: 'CNTR', digits: 7 },
    columns: [text('number', 'Number'), text('short_description', 'Short description', 100)],
  },
  named('bsm_chart', 'BSM Map', [text('title', 'Title', 100)]),
  named('chg_model', 'Change Model', [text('description', 'Description', 1000), boolean('active', 'Active')]),
  named('prb_model', 'Problem Model', [
    text('description', 'Description', 1000),
    boolean('active', 'Active'),
  ]),
  named('std_change_record_producer', 'Standard Change Template', [text('template', 'Template', 4000)]),
  named('std_change_producer_version', 'Standard Change Template Version', [
    text('version', 'Version'),
    reference('std_change_producer', 'Standard Change Template', 'std_change_record_producer'),
  ]),
];

const logLevels = [
  ['-1', 'Debug'],
  ['0', 'Information'],
  ['1', 'Warning'],
  ['2', 'Error'],
] as const;

/** The log, business rules and events of Event Management. */
export const platformTables: readonly Table[] = [
  ...referencedTables,
  {
    name: 'syslog',
    label: 'Log Entry',
    columns: [
      integerChoice('level', 'Level', logLevels, { defaultValue: '0' }),
      text('message', 'Message', 4000),
      text('source', 'Source', 255),
      text('type', 'Type'),
    ],
  },
  {
    name: 'sys_tiny_url',
    label: 'Tiny URL',
    columns: [text('url', 'URL', 65_536)],
  },
  {
    name: 'sys_group_has_role',
    label: 'Group Role',
    columns: [
      reference('group', 'Group', 'sys_user_group', { indexed: true }),
      reference('role', 'Role', 'sys_user_role'),
      boolean('inherits', 'Inherits', { defaultValue: 'true' }),
    ],
  },
  {
    name: 'em_event',
    label: 'Event',
    columns: [
      text('source', 'Source', 100),
      text('event_class', 'Source instance', 100),
      text('resource', 'Resource', 1000),
      text('node', 'Node', 100),
      text('metric_name', 'Metric Name', 1000),
      text('type', 'Type', 100),
      text('message_key', 'Message key', 1024, { indexed: true }),
      integerChoice('severity', 'Severity', [
        ['0', 'Clear'],
        ['1', 'Critical'],
        ['2', 'Major'],
        ['3', 'Minor'],
        ['4', 'Warning'],
        ['5', 'OK'],
      ]),
      text('description', 'Description', 4000),
      text('additional_info', 'Additional information', 4000),
      dateTime('time_of_event', 'Time of event'),
      text('resolution_state', 'Resolution state', 40, { defaultValue: 'New' }),
      text('state', 'State', 40, { defaultValue: 'Ready' }),
      text('event_rule', 'Event rule', 32),
      text('cmdb_ci', 'Configuration item', 32),
      text('processing_notes', 'Processing Notes', 4000),
    ],
  },
  {
    name: 'cmdb_rel_type',
    label: 'CI Relationship Type',
    display: 'name',
    columns: [
      text('name', 'Name', 100, { indexed: true }),
      text('sys_name', 'Display name', 255, { indexed: true }),
      text('parent_descriptor', 'Parent descriptor', 100),
      text('child_descriptor', 'Child descriptor', 100),
    ],
  },
  {
    name: 'cmdb_rel_ci',
    label: 'CI Relationship',
    columns: [
      reference('parent', 'Parent', 'cmdb_ci', { indexed: true }),
      reference('child', 'Child', 'cmdb_ci', { indexed: true }),
      reference('type', 'Type', 'cmdb_rel_type'),
    ],
  },
];
