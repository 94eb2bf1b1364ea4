import { changeModels } from '../../store/base-rules.ts';
import type { DataDocument } from '../../store/data-file.ts';
import { sysIdOf } from '../../sys-ids.ts';
import { demoUser } from '../credentials.ts';
import { problemModelId } from '../tables/incident.ts';
import { idOf } from './identify.ts';

/** Roles that every instance has; those of the base system keep the sys_ids that they have on every instance. */
const roles = [
  ['admin', '2831a114c611228501d4ea6c309d626d'],
  ['itil', '282bf1fac6112285017366cb5f867469'],
  ['itil_admin', ''],
  ['import_admin', ''],
  ['import_transformer', ''],
  ['personalize_dictionary', ''],
  ['snc_basic_auth_api_access', ''],
  ['web_service_admin', ''],
  ['catalog_admin', ''],
  ['evt_mgmt_integration', ''],
] as const;

const roleId = (name: string): string =>
  roles.find(([known]) => known === name)?.[1] || sysIdOf('sys_user_role', name);

/** The user `admin`, with the sys_id that it has on every instance. */
const adminId = '6816f79cc0a8016401c5a33be04be441';

/** The role `admin` for a user. */
const adminGrant = (user: string) => ({
  sys_id: sysIdOf('sys_user_has_role', user, 'admin'),
  user,
  role: roleId('admin'),
});

const integrationId = sysIdOf('sys_user', demoUser.userName);

/** What no instance is without: its roles and its administrators. */
export const baseRows: DataDocument = {
  sys_package: [{ sys_id: 'global', name: 'Global' }],
  sys_scope: [{ sys_id: 'global', name: 'Global' }],
  sys_user_role: roles.map(([name]) => ({ sys_id: roleId(name), name })),
  sys_user: [
    {
      sys_id: integrationId,
      user_name: demoUser.userName,
      first_name: 'Integration',
      last_name: 'User',
      name: 'Integration User',
      email: 'integration.user@example.com',
      user_password: demoUser.password,
    },
    {
      sys_id: adminId,
      user_name: 'admin',
      first_name: 'System',
      last_name: 'Administrator',
      name: 'System Administrator',
      email: 'admin@example.com',
      title: 'System Administrator',
      user_password: demoUser.password,
      time_zone: 'America/Los_Angeles',
      department: idOf('cmn_department', 'Finance'),
    },
  ],
  sys_user_has_role: [integrationId, adminId].map(adminGrant),
  chg_model: Object.entries(changeModels).map(([type, sysId]) => ({
    sys_id: sysId,
    name: type.charAt(0).toUpperCase() + type.slice(1),
    active: true,
  })),
  prb_model: [{ sys_id: problemModelId, name: 'General', active: true }],
  cmdb_rel_type: [
    ['Cools', 'Cooled By'],
    ['Depends on', 'Used by'],
    ['Runs on', 'Runs'],
    ['Contains', 'Contained by'],
    ['Hosted on', 'Hosts'],
  ].map(([parent = '', child = '']) => ({
    sys_id: idOf('cmdb_rel_type', parent),
    name: `${parent}::${child}`,
    sys_name: `${parent}::${child}`,
    parent_descriptor: parent,
    child_descriptor: child,
  })),
};

const administrators = [
  'asset.admin',
  'catalog.admin',
  'change.admin',
  'discovery.admin',
  'event.admin',
  'itil.admin',
  'knowledge.admin',
  'problem.admin',
  'report.admin',
  'security.admin',
  'survey.admin',
];

const titled = (userName: string) =>
  userName.split('.').map((part) => part.charAt(0).toUpperCase() + part.slice(1));

const person = (userName: string) => {
  const [first_name = '', last_name = ''] = titled(userName);
  return {
    sys_id: idOf('sys_user', userName),
    user_name: userName,
    first_name,
    last_name,
    name: `${first_name} ${last_name}`,
    email: `${userName}@example.com`,
  };
};

const administeredGroups = ['Change Management', 'Database', 'Hardware', 'Service Desk'];

/** People, groups and log entries as the demo data of an instance has them. */
export const baseDemoRows: DataDocument = {
  sys_user: [...administrators, 'problem.manager', 'natasha.ingram', 'abraham.lincoln', 'abel.tuter'].map(
    person,
  ),
  sys_user_has_role: administrators.map((name) => adminGrant(idOf('sys_user', name))),
  sys_group_has_role: administeredGroups.map((group, at) => ({
    sys_id: idOf('sys_group_has_role', group),
    group: idOf('sys_user_group', group),
    role: roleId(at % 2 === 0 ? 'catalog_admin' : 'itil_admin'),
  })),
  std_change_producer_version: [
    {
      sys_id: idOf('std_change_producer_version', 'BGP'),
      name: 'Clear BGP sessions on a Cisco router - 1',
      version: '1',
      std_change_producer: idOf('std_change_record_producer', 'BGP'),
    },
  ],
  std_change_record_producer: [
    {
      sys_id: idOf('std_change_record_producer', 'BGP'),
      name: 'Clear BGP sessions on a Cisco router',
      template:
        'type=standard^category=Network^short_description=Clear BGP sessions on a Cisco router' +
        '^description=Resend the complete BGP table to neighboring routers^risk=4^impact=3^EQ',
    },
  ],
  kb_knowledge_base: ['IT', 'Knowledge'].map((title) => ({
    sys_id: idOf('kb_knowledge_base', title),
    title,
  })),
  syslog: Array.from({ length: 640 }, (_, at) => ({
    sys_id: idOf('syslog', String(at)),
    level: at % 40 === 0 ? '2' : '0',
    source: at % 3 === 0 ? 'Scheduler' : 'System',
    message: `Job ${at} finished`,
  })),
};

const catalog = idOf('sc_catalog', 'Service Catalog');
const technicalCatalog = idOf('sc_catalog', 'Technical Catalog');

const items = [
  ['New Email Account', 'Services', catalog, 'new_email'],
  ['iPad', 'Hardware', catalog, 'colour'],
  ['Standard Laptop', 'Hardware', catalog, 'additional_software'],
  ['Access', 'Services', catalog, 'application'],
  ['Database Server', 'Servers', technicalCatalog, 'size'],
  ['Web Server', 'Servers', technicalCatalog, 'size'],
] as const;

export const catalogRows: DataDocument = {
  sc_catalog: ['Service Catalog', 'Technical Catalog'].map((title) => ({
    sys_id: idOf('sc_catalog', title),
    title,
    description: `The ${title}`,
  })),
  sc_category: [
    ['Services', catalog],
    ['Hardware', catalog],
    ['Servers', technicalCatalog],
  ].map(([title = '', sc_catalog = '']) => ({
    sys_id: idOf('sc_category', title),
    title,
    description: title,
    sc_catalog,
  })),
  sc_cat_item: items.map(([name, category, sc_catalogs], at) => ({
    sys_id: idOf('sc_cat_item', name),
    name,
    short_description: name,
    description: `Request: ${name}`,
    category: idOf('sc_category', category),
    sc_catalogs,
    price: String(at * 100),
  })),
  item_option_new: items.map(([name, , , variable]) => ({
    sys_id: idOf('item_option_new', `${name} ${variable}`),
    cat_item: idOf('sc_cat_item', name),
    name: variable,
    question_text: variable.replaceAll('_', ' '),
    order: 100,
  })),
};
