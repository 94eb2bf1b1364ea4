import { bind, type Fragment, sql } from '../fragment.ts';

/** The sys_ids of the groups that a user belongs to, as a sub-select. */
export function myGroups(userSysId: string): Fragment {
  return sql`SELECT "group" FROM "sys_user_grmember" WHERE "user" = ${bind(userSysId)}`;
}
