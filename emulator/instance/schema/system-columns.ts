import { dateTime, guid, integer, text } from './columns.ts';
import type { Column } from './table.ts';

/** What every table has, in the order in which an instance adds them. */
export const systemColumns: readonly Column[] = [
  guid('sys_id', 'Sys ID'),
  dateTime('sys_created_on', 'Created'),
  text('sys_created_by', 'Created by'),
  dateTime('sys_updated_on', 'Updated'),
  text('sys_updated_by', 'Updated by'),
  integer('sys_mod_count', 'Updates'),
  text('sys_tags', 'Tags'),
];

/** What a table has beyond that once others extend it: the real class of each row. */
export const classColumn: Column = {
  name: 'sys_class_name',
  label: 'Class',
  kind: 'class_name',
  maxLength: 80,
};
