import {
  boolean,
  dateTime,
  documentId,
  integer,
  integerChoice,
  reference,
  text,
} from '../../schema/columns.ts';
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
  named('std_change_producer_version', 'Standard Change Template Version', [text('version', 'Version')]),
];

const logLevels = [
  ['-1', 'Debug'],
  ['0', 'Information'],
  ['1', 'Warning'],
  ['2', 'Error'],
] as const;

/** The log, business rules, knowledge, and events of Event Management. */
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
    name: 'kb_knowledge',
    label: 'Knowledge',
    display: 'number',
    number: { prefix: 'KB', digits: 7 },
    columns: [
      text('number', 'Number'),
      text('short_description', 'Short description', 100),
      text('text', 'Article body', 65_536),
      text('wiki', 'Wiki', 65_536, { nullWhenEmpty: true }),
      text('workflow_state', 'Workflow', 40, { defaultValue: 'draft' }),
      reference('author', 'Author', 'sys_user', { defaultValue: 'javascript:gs.getUserID()' }),
      boolean('active', 'Active', { defaultValue: 'true' }),
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

const active = boolean('active', 'Active', { defaultValue: 'true' });

/** The service catalog: catalogs, categories, items and their variables, carts, and what was ordered. */
export const catalogTables: readonly Table[] = [
  {
    name: 'sc_catalog',
    label: 'Catalog',
    display: 'title',
    columns: [text('title', 'Title', 100), text('description', 'Description', 4000), active],
  },
  {
    name: 'sc_category',
    label: 'Category',
    display: 'title',
    columns: [
      text('title', 'Title', 100),
      text('description', 'Description', 4000),
      reference('sc_catalog', 'Catalog', 'sc_catalog'),
      reference('parent', 'Parent', 'sc_category'),
      active,
    ],
  },
  {
    name: 'sc_cat_item',
    label: 'Catalog Item',
    display: 'name',
    columns: [
      text('name', 'Name', 100, { indexed: true }),
      text('short_description', 'Short description', 200),
      text('description', 'Description', 8000),
      text('sc_catalogs', 'Catalogs', 4000),
      reference('category', 'Category', 'sc_category'),
      text('price', 'Price', 40, { defaultValue: '0' }),
      integer('order', 'Order', { defaultValue: '0' }),
      active,
    ],
  },
  {
    name: 'item_option_new',
    label: 'Variable',
    display: 'name',
    columns: [
      reference('cat_item', 'Catalog item', 'sc_cat_item', { indexed: true }),
      text('name', 'Name', 100),
      text('question_text', 'Question', 255),
      integer('type', 'Type', { defaultValue: '6' }),
      boolean('mandatory', 'Mandatory'),
      integer('order', 'Order'),
    ],
  },
  {
    name: 'sc_cart_item',
    label: 'Cart Item',
    columns: [
      reference('cart_user', 'User', 'sys_user', { indexed: true }),
      reference('cat_item', 'Item', 'sc_cat_item'),
      reference('requested_for', 'Requested for', 'sys_user'),
      integer('quantity', 'Quantity', { defaultValue: '1' }),
      text('variables', 'Variables', 8000),
    ],
  },
  {
    name: 'sc_request',
    label: 'Request',
    parent: 'task',
    number: { prefix: 'REQ', digits: 7 },
    columns: [
      reference('requested_for', 'Requested for', 'sys_user', {
        defaultValue: 'javascript:gs.getUserID()',
      }),
      text('request_state', 'Request state', 40, { defaultValue: 'requested' }),
      text('stage', 'Stage', 80, { defaultValue: 'requested' }),
      text('price', 'Price'),
      text('special_instructions', 'Special instructions', 4000),
      dateTime('requested_date', 'Requested for date'),
    ],
  },
  {
    name: 'sc_req_item',
    label: 'Requested Item',
    parent: 'task',
    number: { prefix: 'RITM', digits: 7 },
    columns: [
      reference('request', 'Request', 'sc_request'),
      reference('cat_item', 'Item', 'sc_cat_item'),
      reference('requested_for', 'Requested for', 'sys_user'),
      integer('quantity', 'Quantity', { defaultValue: '1' }),
      text('stage', 'Stage', 80, { defaultValue: 'waiting_for_approval' }),
    ],
  },
  {
    name: 'sc_task',
    label: 'Catalog Task',
    parent: 'task',
    number: { prefix: 'SCTASK', digits: 7 },
    columns: [
      reference('request', 'Request', 'sc_request'),
      reference('request_item', 'Request item', 'sc_req_item'),
    ],
  },
  {
    name: 'sc_item_option',
    label: 'Options',
    columns: [
      documentId('request_item', 'Requested item', 'request_item_table'),
      text('request_item_table', 'Table', 80, { defaultValue: 'sc_req_item' }),
      text('name', 'Name', 100),
      text('value', 'Value', 4000),
    ],
  },
];
