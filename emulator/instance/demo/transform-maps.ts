import type { Row } from '../row.ts';
import type { Store } from '../store/store.ts';
import { sysIdOf } from '../sys-ids.ts';

type DemoMap = { readonly map: Row; readonly fields: readonly Row[] };

/** A field map between columns of the same name, unless `target` says otherwise. */
const field = (source_field: string, settings: Row = {}): Row => ({
  source_field,
  target_field: source_field,
  ...settings,
});

const coalesce = { coalesce: 'true' };

const maps: readonly DemoMap[] = [
  {
    map: { name: 'Computer', source_table: 'imp_computer', target_table: 'cmdb_ci_computer' },
    fields: [
      field('name', coalesce),
      field('serial_number', coalesce),
      ...['asset_tag', 'os', 'os_version', 'ram', 'cpu_count', 'ip_address'].map((name) => field(name)),
      ...['warranty_expiration', 'correlation_id', 'comments'].map((name) => field(name)),
      field('operating_system', { target_field: 'os' }),
      field('manufacturer', { choice_action: 'create' }),
      field('assigned_to', { choice_action: 'ignore' }),
      field('department', { choice_action: 'ignore' }),
      field('install_status', { choice_action: 'reject' }),
    ],
  },
  {
    map: {
      name: 'User',
      source_table: 'imp_user',
      target_table: 'sys_user',
      enforce_mandatory_fields: 'only_mapped',
    },
    fields: [
      field('user_id', { target_field: 'user_name', ...coalesce }),
      field('email', coalesce),
      ...['first_name', 'last_name', 'title', 'phone', 'employee_number', 'active'].map((name) =>
        field(name),
      ),
      field('department', { choice_action: 'reject' }),
      field('location', { choice_action: 'create' }),
      field('manager', { choice_action: 'ignore', reference_value_field: 'user_name' }),
    ],
  },
  {
    map: { name: 'Location', source_table: 'imp_location', target_table: 'cmn_location' },
    fields: [field('name', coalesce), ...['street', 'city', 'zip', 'country'].map((name) => field(name))],
  },
  {
    map: { name: 'Notification', source_table: 'imp_notification', target_table: 'incident' },
    fields: [
      field('uuid', { target_field: 'correlation_id', ...coalesce }),
      field('message', { target_field: 'short_description' }),
      field('description'),
      field('urgency', { choice_action: 'reject' }),
      field('configuration_item', { target_field: 'cmdb_ci', choice_action: 'ignore' }),
    ],
  },
  {
    map: {
      name: 'Workstation site',
      source_table: 'u_imp_workstation',
      target_table: 'cmn_location',
      order: '100',
    },
    fields: [
      field('u_site', { target_field: 'name', ...coalesce }),
      field('u_city', { target_field: 'city' }),
    ],
  },
  {
    map: {
      name: 'Workstation',
      source_table: 'u_imp_workstation',
      target_table: 'cmdb_ci_computer',
      order: '200',
    },
    fields: [
      field('u_name', { target_field: 'name' }),
      field('u_serial', { target_field: 'serial_number', coalesce_case_sensitive: 'true', ...coalesce }),
      field('u_site', { target_field: 'location', choice_action: 'ignore' }),
    ],
  },
];

/** The transform maps of the demo's staging tables, with their field maps. */
export function seedTransformMaps(store: Store): void {
  const seedMap = store.seeder('sys_transform_map');
  const seedEntry = store.seeder('sys_transform_entry');
  for (const { map, fields } of maps) {
    const mapId = sysIdOf('sys_transform_map', map['name'] ?? '');
    seedMap({ sys_id: mapId, ...map });
    for (const entry of fields) {
      const { source_field = '', target_field = '' } = entry;
      const sys_id = sysIdOf('sys_transform_entry', mapId, source_field, target_field);
      seedEntry({ sys_id, map: mapId, ...entry });
    }
  }
}
