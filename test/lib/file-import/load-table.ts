import type { InstanceOptions } from '../../../emulator/instance/index.ts';

/** A staging table with a key column, whose rows become records of `u_item` by coalescing on `u_code`. */
export const loadSchema: NonNullable<InstanceOptions['schema']> = {
  tables: [
    {
      name: 'u_item',
      label: 'Item',
      display: 'u_code',
      columns: [
        { name: 'u_code', label: 'Code', kind: 'string', maxLength: 40, indexed: true },
        { name: 'u_text', label: 'Text', kind: 'string', maxLength: 100 },
      ],
    },
    {
      name: 'imp_load',
      label: 'Load',
      parent: 'sys_import_set_row',
      columns: [
        { name: 'u_code', label: 'Code', kind: 'string', maxLength: 40 },
        { name: 'u_text', label: 'Free text', kind: 'string', maxLength: 100 },
        { name: 'u_when', label: 'When', kind: 'string', maxLength: 40 },
        { name: 'u_count', label: 'Count', kind: 'integer', maxLength: 40 },
        { name: 'u_key', label: 'Row key', kind: 'string', maxLength: 40, indexed: true },
      ],
    },
    {
      name: 'imp_load_child',
      label: 'Load child',
      parent: 'imp_load',
      columns: [{ name: 'u_more', label: 'More', kind: 'string', maxLength: 40 }],
    },
  ],
};

/** Its transform map. */
export const loadData: NonNullable<InstanceOptions['data']> = {
  sys_transform_map: [
    {
      sys_id: 'a'.repeat(32),
      name: 'Load',
      source_table: 'imp_load',
      target_table: 'u_item',
      active: 'true',
    },
  ],
  sys_transform_entry: [
    { map: 'a'.repeat(32), source_field: 'u_code', target_field: 'u_code', coalesce: 'true' },
    { map: 'a'.repeat(32), source_field: 'u_text', target_field: 'u_text' },
  ],
};
