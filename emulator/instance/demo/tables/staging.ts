import { text } from '../../schema/columns.ts';
import type { Table } from '../../schema/table.ts';

const parent = 'sys_import_set_row';

/** Staging tables of Import Sets: `imp_…` as they ship with an instance, one of them with two transform maps. */
export const stagingTables: readonly Table[] = [
  {
    name: 'imp_computer',
    label: 'Computer Import',
    parent,
    columns: [
      text('name', 'Name', 255),
      text('serial_number', 'Serial number', 100),
      text('asset_tag', 'Asset tag'),
      text('os', 'OS'),
      text('operating_system', 'Operating System'),
      text('os_version', 'OS Version'),
      text('ram', 'RAM (MB)'),
      text('cpu_count', 'CPU count'),
      text('ip_address', 'IP Address', 255),
      text('manufacturer', 'Manufacturer', 80),
      text('assigned_to', 'Assigned to', 151),
      text('department', 'Department', 100),
      text('install_status', 'Status'),
      text('warranty_expiration', 'Warranty expiration'),
      text('correlation_id', 'Correlation ID', 100),
      text('comments', 'Comments', 4000),
    ],
  },
  {
    name: 'imp_user',
    label: 'User Import',
    parent,
    columns: [
      text('user_id', 'User ID'),
      text('first_name', 'First name', 50),
      text('last_name', 'Last name', 50),
      text('email', 'Email', 100),
      text('title', 'Title', 60),
      text('phone', 'Business phone'),
      text('employee_number', 'Employee number'),
      text('department', 'Department', 100),
      text('location', 'Location', 100),
      text('manager', 'Manager', 100),
      text('active', 'Active'),
    ],
  },
  {
    name: 'imp_location',
    label: 'Location Import',
    parent,
    columns: [
      text('name', 'Name', 100),
      text('street', 'Street', 255),
      text('city', 'City'),
      text('zip', 'Zip / Postal Code'),
      text('country', 'Country'),
    ],
  },
  {
    name: 'imp_notification',
    label: 'Notification Import',
    parent,
    columns: [
      text('uuid', 'UUID', 100),
      text('message', 'Message', 160),
      text('description', 'Description', 4000),
      text('urgency', 'Urgency'),
      text('configuration_item', 'Configuration item', 255),
    ],
  },
  {
    name: 'u_imp_workstation',
    label: 'Workstation Import',
    parent,
    columns: [
      text('u_name', 'Name', 255),
      text('u_serial', 'Serial', 100),
      text('u_site', 'Site', 100),
      text('u_city', 'City'),
    ],
  },
];
