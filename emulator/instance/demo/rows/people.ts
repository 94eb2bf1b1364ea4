import type { DataDocument } from '../../store/data-file.ts';
import { idOf } from './identify.ts';

const companies = [
  'Nordwind Logistics',
  'Halvorsen Energy',
  'Brightwater Bank',
  'Cobalt Systems',
  'Kite Hardware',
];

const locations = [
  ['Oslo Office', 'Karl Johans gate 5', 'Oslo', '0154', 'Norway'],
  ['Rotterdam Terminal', 'Wilhelminakade 310', 'Rotterdam', '3072 AR', 'Netherlands'],
  ['Denver Data Center', '1801 California Street', 'Denver', '80202', 'USA'],
  ['Pune Campus', 'Baner Road 12', 'Pune', '411045', 'India'],
] as const;

const departments = ['IT', 'Finance', 'Operations', 'Human Resources', 'Sales'];

export const groups = [
  'Service Desk',
  'Network',
  'Database',
  'Hardware',
  'Software',
  'Change Management',
] as const;

/** First name, last name, department, location, title, time zone. */
const people = [
  ['Ada', 'Lindqvist', 'IT', 0, 'IT Director', 'Europe/Oslo'],
  ['Bram', 'de Wit', 'IT', 1, 'Network Engineer', 'Europe/Amsterdam'],
  ['Carla', 'Mendes', 'IT', 2, 'Service Desk Lead', 'America/Denver'],
  ['Dev', 'Kulkarni', 'IT', 3, 'Database Administrator', 'Asia/Kolkata'],
  ['Elin', 'Halvorsen', 'Finance', 0, 'Controller', 'Europe/Oslo'],
  ['Farid', 'Nassar', 'Operations', 1, 'Terminal Manager', 'Europe/Amsterdam'],
  ['Grace', 'Okafor', 'Sales', 2, 'Account Manager', 'America/Denver'],
  ['Hiro', 'Tanabe', 'Operations', 3, 'Shift Planner', 'Asia/Kolkata'],
  ['Ines', 'Ferreira', 'Human Resources', 1, 'Recruiter', 'Europe/Amsterdam'],
  ['Jonas', 'Berg', 'IT', 0, 'Hardware Technician', 'Europe/Oslo'],
  ['Kavya', 'Rao', 'Finance', 3, 'Accountant', 'Asia/Kolkata'],
  ['Liam', 'Doyle', 'Sales', 2, 'Sales Engineer', ''],
] as const;

/** The user ids of the demo people, `ada.lindqvist` and so on. */
export const userNames = people.map(([first, last]) => `${first}.${last.replaceAll(' ', '')}`.toLowerCase());

export const peopleRows: DataDocument = {
  core_company: companies.map((name) => ({
    sys_id: idOf('core_company', name),
    name,
    vendor: name.startsWith('K'),
  })),
  cmn_location: locations.map(([name, street, city, zip, country]) => ({
    sys_id: idOf('cmn_location', name),
    name,
    full_name: `${country}/${city}/${name}`,
    street,
    city,
    zip,
    country,
  })),
  cmn_department: departments.map((name, at) => ({
    sys_id: idOf('cmn_department', name),
    name,
    id: `D${at + 1}00`,
    dept_head: name === 'Finance' ? idOf('sys_user', 'natasha.ingram') : '',
  })),
  sys_user: people.map(([first, last, department, location, title, timeZone], at) => ({
    sys_id: idOf('sys_user', userNames[at] ?? ''),
    user_name: userNames[at] ?? '',
    first_name: first,
    last_name: last,
    name: `${first} ${last}`,
    email: `${userNames[at]}@example.com`,
    title,
    time_zone: timeZone,
    employee_number: String(1001 + at),
    company: idOf('core_company', companies[at % companies.length] ?? ''),
    department: idOf('cmn_department', department),
    location: idOf('cmn_location', locations[location][0]),
    manager: at === 0 ? '' : idOf('sys_user', userNames[0] ?? ''),
    vip: at === 0 || at === 4,
  })),
  sys_user_group: groups.map((name, at) => ({
    sys_id: idOf('sys_user_group', name),
    name,
    email: `${name.toLowerCase().replaceAll(' ', '-')}@example.com`,
    manager: idOf('sys_user', userNames[at % 4] ?? ''),
  })),
  sys_user_grmember: groups.flatMap((group, at) =>
    [0, 1, 2].map((step) => {
      const user = userNames[(at + step * 3) % userNames.length] ?? '';
      return {
        sys_id: idOf('sys_user_grmember', `${group} ${user}`),
        group: idOf('sys_user_group', group),
        user: idOf('sys_user', user),
      };
    }),
  ),
};
