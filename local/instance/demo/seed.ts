import { sysIdOf } from '../store/identifiers.ts';
import type { Store } from '../store/store.ts';
import { demoUser } from './credentials.ts';

/** Fills an empty store with the demo rows: the same rows, with the same sys_ids, every time. */
export function seedDemo(store: Store): void {
  store.transaction(() => {
    store.seed('sys_user', {
      sys_id: sysIdOf('sys_user', demoUser.userName),
      user_name: demoUser.userName,
      first_name: 'Integration',
      last_name: 'User',
      name: 'Integration User',
      email: 'integration.user@example.com',
      user_password: demoUser.password,
    });
  });
}
