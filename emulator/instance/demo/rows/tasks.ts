import type { DataDocument } from '../../store/data-file.ts';
import { toDateTime } from '../../time/dates.ts';
import { laptopName, serverName } from './cmdb.ts';
import { idOf, shippedNumber } from './identify.ts';
import { groups, userNames } from './people.ts';

type Row = DataDocument[string][number];

/** Short description, category, subcategory, group, impact, urgency. */
const complaints = [
  ['Cannot connect to VPN from home', 'network', 'vpn', 'Network', 3, 2],
  ['Laptop does not start after update', 'hardware', 'disk', 'Hardware', 3, 1],
  ['Payroll report is empty', 'software', 'internal application', 'Software', 2, 2],
  ['Mail is delivered hours late', 'software', 'email', 'Software', 2, 1],
  ['Customer portal answers with error 500', 'software', 'internal application', 'Software', 1, 1],
  ['Disk full on database server', 'database', 'oracle', 'Database', 1, 2],
  ['Need access to the finance share', 'inquiry', '', 'Service Desk', 3, 3],
  ['Name resolution fails in Rotterdam', 'network', 'dns', 'Network', 1, 1],
  ['Antivirus reports a quarantined file', 'inquiry', 'antivirus', 'Service Desk', 3, 2],
  ['Warehouse scanners lose their connection', 'network', 'dhcp', 'Network', 2, 2],
] as const;

const incidents = 60;
const firstOpenedMs = Date.UTC(2026, 0, 5, 7, 30);
const betweenMs = 26.5 * 3_600_000;
const states = [1, 2, 2, 3, 6, 7] as const;
const priorities = [
  [1, 2, 3],
  [2, 3, 4],
  [3, 4, 5],
] as const;

const pick = <Item>(items: readonly Item[], at: number): Item | undefined => items[at % items.length];

function incident(at: number): Row {
  const [summary, category, subcategory, group, impact, urgency] = pick(complaints, at) ?? complaints[0];
  const openedMs = firstOpenedMs + at * betweenMs;
  const state = pick(states, at * 5 + 1) ?? 1;
  const number = shippedNumber('INC', at + 1);
  return {
    sys_id: idOf('incident', number),
    number,
    short_description: summary,
    description: `${summary}. Reported by phone, first seen this morning.`,
    caller_id: idOf('sys_user', pick(userNames, at * 7) ?? ''),
    opened_by: idOf('sys_user', pick(userNames, 2) ?? ''),
    assignment_group: idOf('sys_user_group', group),
    assigned_to: state === 1 ? '' : idOf('sys_user', pick(userNames, at) ?? ''),
    cmdb_ci: idOf('cmdb_ci', at % 3 === 0 ? serverName(at % 8) : laptopName(at % 24)),
    category,
    subcategory,
    impact,
    urgency,
    priority: priorities[impact - 1]?.[urgency - 1] ?? 5,
    contact_type: pick(['phone', 'email', 'self-service', 'monitoring'], at) ?? 'phone',
    state,
    incident_state: state,
    opened_at: toDateTime(openedMs),
    sys_created_on: toDateTime(openedMs),
    sys_created_by: 'carla.mendes',
    sys_updated_on: toDateTime(openedMs + 5_400_000),
    sys_updated_by: pick(userNames, at) ?? '',
    sys_mod_count: at % 5,
    reassignment_count: at % 3,
    ...(state >= 6 && resolution(at, openedMs)),
    ...(at % 4 === 0 && { work_notes: 'Called back, waiting for an answer.' }),
    ...(at % 5 === 0 && { comments: 'We are looking into it.' }),
  };
}

const resolution = (at: number, openedMs: number): Row => ({
  active: false,
  close_code: 'Solution provided',
  close_notes: 'Restarted the service and confirmed with the caller.',
  resolved_at: toDateTime(openedMs + 28_800_000),
  resolved_by: idOf('sys_user', pick(userNames, at) ?? ''),
  business_stc: 28_800,
  calendar_stc: 28_800 + at * 60,
  calendar_duration: toDateTime(28_800_000 + at * 60_000),
});

function problem(at: number): Row {
  const number = shippedNumber('PRB', at + 1);
  const [summary, category] = pick(complaints, at * 3 + 1) ?? complaints[0];
  return {
    sys_id: idOf('problem', number),
    number,
    short_description: `Recurring: ${summary.toLowerCase()}`,
    category,
    subcategory: category === 'software' ? 'email' : '',
    assignment_group: idOf('sys_user_group', pick(groups, at) ?? ''),
    known_error: at % 2 === 0,
    related_incidents: at + 1,
    opened_at: toDateTime(firstOpenedMs + at * 9 * betweenMs),
  };
}

function change(at: number): Row {
  const number = shippedNumber('CHG', at + 1);
  const startMs = firstOpenedMs + at * 6 * betweenMs;
  return {
    sys_id: idOf('change_request', number),
    number,
    short_description: `Patch ${serverName(at % 8)} to the current release`,
    type: pick(['normal', 'standard', 'emergency'], at) ?? 'normal',
    state: pick([-5, -4, -2, 3], at) ?? -5,
    risk: pick([4, 3, 2], at) ?? 4,
    category: 'Software',
    requested_by: idOf('sys_user', pick(userNames, at) ?? ''),
    assignment_group: idOf('sys_user_group', 'Change Management'),
    cmdb_ci: idOf('cmdb_ci', serverName(at % 8)),
    start_date: toDateTime(startMs),
    end_date: toDateTime(startMs + 7_200_000),
  };
}

export const taskRows: DataDocument = {
  incident: Array.from({ length: incidents }, (_, at) => incident(at)),
  problem: Array.from({ length: 12 }, (_, at) => problem(at)),
  change_request: Array.from({ length: 10 }, (_, at) => change(at)),
};
