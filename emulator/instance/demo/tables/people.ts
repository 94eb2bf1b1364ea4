import {
  boolean,
  classColumn,
  date,
  dateTime,
  integer,
  integerChoice,
  password,
  reference,
  text,
} from '../../schema/columns.ts';
import type { Table } from '../../schema/table.ts';

const domain = reference('sys_domain', 'Domain', 'sys_user_group', {
  defaultValue: 'global',
  alwaysLinked: true,
});

const domainPath = text('sys_domain_path', 'Domain Path', 255, { defaultValue: '/' });

const notification = [
  ['1', 'Disable'],
  ['2', 'Enable'],
] as const;

const calendar = [
  ['1', 'Outlook'],
  ['2', 'None'],
] as const;

const address = [
  text('street', 'Street', 255),
  text('city', 'City'),
  text('state', 'State / Province'),
  text('zip', 'Zip / Postal Code'),
  text('country', 'Country', 40),
];

/** Users, groups, and where they belong. */
export const peopleTables: readonly Table[] = [
  {
    name: 'core_company',
    label: 'Company',
    display: 'name',
    columns: [
      text('name', 'Name', 80, { indexed: true }),
      boolean('vendor', 'Vendor'),
      boolean('manufacturer', 'Manufacturer'),
      ...address,
    ],
  },
  {
    name: 'cmn_location',
    label: 'Location',
    display: 'name',
    columns: [text('name', 'Name', 100, { indexed: true }), text('full_name', 'Full name', 255), ...address],
  },
  {
    name: 'cmn_department',
    label: 'Department',
    display: 'name',
    columns: [
      text('name', 'Name', 100, { indexed: true }),
      text('id', 'ID'),
      reference('dept_head', 'Department head', 'sys_user'),
      text('description', 'Description', 1000),
      reference('cost_center', 'Cost center', 'cmn_cost_center'),
      reference('primary_contact', 'Primary contact', 'sys_user'),
    ],
  },
  {
    name: 'sys_user',
    label: 'User',
    display: 'name',
    columns: [
      text('user_name', 'User ID', 40, { unique: true }),
      text('first_name', 'First name', 50),
      text('last_name', 'Last name', 50, { mandatory: true }),
      text('name', 'Name', 151, { indexed: true }),
      text('email', 'Email', 100, { indexed: true }),
      text('title', 'Title', 60),
      text('phone', 'Business phone'),
      text('mobile_phone', 'Mobile phone'),
      text('employee_number', 'Employee number'),
      reference('company', 'Company', 'core_company'),
      reference('department', 'Department', 'cmn_department'),
      reference('location', 'Location', 'cmn_location'),
      reference('manager', 'Manager', 'sys_user'),
      text('time_zone', 'Time zone'),
      boolean('active', 'Active', { defaultValue: 'true' }),
      boolean('locked_out', 'Locked out'),
      boolean('web_service_access_only', 'Web service access only'),
      boolean('vip', 'VIP'),
      integer('failed_attempts', 'Failed login attempts'),
      dateTime('last_login_time', 'Last login time'),
      password('user_password', 'Password'),
      text('middle_name', 'Middle name', 50),
      text('introduction', 'Prefix'),
      text('gender', 'Gender'),
      text('home_phone', 'Home phone'),
      ...address,
      text('building', 'Building'),
      reference('cost_center', 'Cost center', 'cmn_cost_center'),
      text('avatar', 'Avatar'),
      text('photo', 'Photo'),
      text('preferred_language', 'Language', 3),
      text('date_format', 'Date format'),
      text('time_format', 'Time format'),
      reference('default_perspective', 'Default perspective', 'sys_perspective'),
      reference('schedule', 'Schedule', 'cmn_schedule'),
      integerChoice('notification', 'Notification', notification, { defaultValue: '2' }),
      integerChoice('calendar_integration', 'Calendar integration', calendar, { defaultValue: '1' }),
      text('roles', 'Roles'),
      text('source', 'Source', 255),
      text('ldap_server', 'LDAP server'),
      text('federated_id', 'Federated ID', 255),
      date('last_login', 'Last login'),
      boolean('password_needs_reset', 'Password needs reset'),
      boolean('enable_multifactor_authn', 'Enable Multifactor Authentication'),
      boolean('internal_integration_user', 'Internal Integration User'),
      text('fax', 'Fax'),
      text('identity_type', 'Identity type', 40, { defaultValue: 'unclassified' }),
      classColumn,
      domain,
      domainPath,
    ],
  },
  {
    name: 'sys_user_group',
    label: 'Group',
    display: 'name',
    columns: [
      text('name', 'Name', 80, { indexed: true }),
      text('description', 'Description', 1000),
      text('email', 'Group email', 100),
      reference('manager', 'Manager', 'sys_user'),
      reference('parent', 'Parent', 'sys_user_group'),
      boolean('active', 'Active', { defaultValue: 'true' }),
      reference('cost_center', 'Cost center', 'cmn_cost_center'),
      reference('default_assignee', 'Default assignee', 'sys_user'),
      boolean('exclude_manager', 'Exclude manager'),
      boolean('include_members', 'Include members'),
      text('roles', 'Roles'),
      text('source', 'Source', 255),
      text('type', 'Type', 1024),
    ],
  },
  {
    name: 'sys_user_grmember',
    label: 'Group Member',
    columns: [reference('group', 'Group', 'sys_user_group'), reference('user', 'User', 'sys_user')],
  },
];
