import { reference, text } from '../schema/columns.ts';
import type { Table } from '../schema/table.ts';

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
