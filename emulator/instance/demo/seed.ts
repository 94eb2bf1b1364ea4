import { shippedRestriction } from '../auth/authenticate.ts';
import { describeSchema } from '../schema/metadata.ts';
import { seedShipped } from '../store/data-file.ts';
import type { Store } from '../store/store.ts';
import { sysIdOf } from '../sys-ids.ts';
import { baseDemoRows, baseRows, catalogRows } from './rows/base.ts';
import { cmdbRows } from './rows/cmdb.ts';
import { peopleRows } from './rows/people.ts';
import { taskRows } from './rows/tasks.ts';
import { seedTransformMaps } from './transform-maps.ts';

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

const platformTables = [
  ...['sys_transform_map', 'sys_transform_entry', 'sys_properties'],
  ...['sys_glide_object', 'sys_db_object', 'sys_dictionary', 'sys_choice'],
  ...Object.keys(baseRows),
];

/** What no instance is without: the description of its own tables, its roles and its administrators. */
export function seedPlatform(store: Store): void {
  store.transaction(() => {
    seedTransformMaps(store);
    seedDescription(store);
    for (const [name, value] of shippedRestriction) {
      store.seed('sys_properties', { sys_id: sysIdOf('sys_properties', name), name, value });
    }
    seedShipped(store, baseRows);
  });
}

/** The same for a store that began as a copy of one that was seeded so: only the time is another. */
export function redatePlatform(store: Store): void {
  store.transaction(() => {
    for (const table of platformTables) store.redate(table);
  });
}

/** The demo rows: the same rows, with the same sys_ids, every time. */
export function seedDemo(store: Store): void {
  for (const rows of [baseDemoRows, peopleRows, cmdbRows, taskRows, catalogRows]) seedShipped(store, rows);
}
