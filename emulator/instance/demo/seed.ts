import { shippedRestriction } from '../auth/basic-restriction.ts';
import { describeSchema } from '../schema/metadata.ts';
import { seedRows } from '../store/data-file.ts';
import { sysIdOf } from '../store/identifiers.ts';
import type { Store } from '../store/store.ts';
import { demoUser } from './credentials.ts';
import { cmdbRows } from './rows/cmdb.ts';
import { peopleRows } from './rows/people.ts';
import { taskRows } from './rows/tasks.ts';
import { seedTransformMaps } from './transform-maps.ts';

const shippedRoles = [
  'admin',
  'itil',
  'import_admin',
  'import_transformer',
  'personalize_dictionary',
  'snc_basic_auth_api_access',
  'web_service_admin',
];

/** Describes, in sys_db_object and its kind, the tables and columns that are not described there yet. */
export function seedDescription(store: Store): void {
  const fresh = store.count('sys_db_object') === 0;
  store.transaction(() => {
    for (const [table, described] of Map.groupBy(describeSchema(store.schema), ({ table }) => table)) {
      const seed = store.seeder(table);
      for (const { row } of described) {
        if (fresh || store.classOf(table, row['sys_id'] ?? '') === undefined) seed(row);
      }
    }
  });
}

/** What no instance is without: the description of its own tables, and an administrator. */
export function seedPlatform(store: Store): void {
  store.transaction(() => {
    seedTransformMaps(store);
    seedDescription(store);
    store.seed('sys_user', {
      sys_id: sysIdOf('sys_user', demoUser.userName),
      user_name: demoUser.userName,
      first_name: 'Integration',
      last_name: 'User',
      name: 'Integration User',
      email: 'integration.user@example.com',
      user_password: demoUser.password,
    });
    for (const [name, value] of shippedRestriction) {
      store.seed('sys_properties', { sys_id: sysIdOf('sys_properties', name), name, value });
    }
    for (const name of shippedRoles) {
      store.seed('sys_user_role', { sys_id: sysIdOf('sys_user_role', name), name });
    }
    store.seed('sys_user_has_role', {
      sys_id: sysIdOf('sys_user_has_role', demoUser.userName, 'admin'),
      user: sysIdOf('sys_user', demoUser.userName),
      role: sysIdOf('sys_user_role', 'admin'),
    });
  });
}

/** The demo rows: the same rows, with the same sys_ids, every time. */
export function seedDemo(store: Store): void {
  for (const rows of [peopleRows, cmdbRows, taskRows]) seedRows(store, rows);
}
