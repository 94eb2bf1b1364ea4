import { bind, type Fragment, sql } from '../fragment.ts';
import type { Scope } from './scope.ts';

/** The sys_ids of the groups that the user belongs to, as a sub-select; none where the schema knows no groups. */
export function myGroups({ schema, context }: Scope): Fragment {
  if (!schema.table('sys_user_grmember')) return sql`SELECT NULL WHERE 0`;
  return sql`SELECT "group" FROM "sys_user_grmember" WHERE "user" = ${bind(context.user.sysId)}`;
}
