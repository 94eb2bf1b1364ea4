import { boolean, dateTime, documentId, integer, reference, text } from '../../schema/columns.ts';
import type { Table } from '../../schema/table.ts';

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
