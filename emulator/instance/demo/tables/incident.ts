import {
  boolean,
  choice,
  dateTime,
  documentId,
  integer,
  integerChoice,
  reference,
  text,
} from '../../schema/columns.ts';
import type { Table } from '../../schema/table.ts';

const incidentState = [
  ['1', 'New'],
  ['2', 'In Progress'],
  ['3', 'On Hold'],
  ['6', 'Resolved'],
  ['7', 'Closed'],
  ['8', 'Canceled'],
] as const;

const closeCode = [
  ['Duplicate', 'Duplicate'],
  ['Known error', 'Known error'],
  ['No resolution provided', 'No resolution provided'],
  ['Resolved by caller', 'Resolved by caller'],
  ['Resolved by change', 'Resolved by change'],
  ['Resolved by problem', 'Resolved by problem'],
  ['Resolved by request', 'Resolved by request'],
  ['Solution provided', 'Solution provided'],
  ['Workaround provided', 'Workaround provided'],
  ['User error', 'User error'],
] as const;

const category = [
  ['inquiry', 'Inquiry / Help'],
  ['software', 'Software'],
  ['hardware', 'Hardware'],
  ['network', 'Network'],
  ['database', 'Database'],
] as const;

const incident: Table = {
  name: 'incident',
  label: 'Incident',
  parent: 'task',
  number: { prefix: 'INC', digits: 7 },
  columns: [
    integerChoice('state', 'State', incidentState, { defaultValue: '1' }),
    integerChoice('incident_state', 'Incident state', incidentState, { defaultValue: '1' }),
    reference('caller_id', 'Caller', 'sys_user'),
    choice('category', 'Category', category, { defaultValue: 'inquiry' }),
    choice('subcategory', 'Subcategory', [
      ['antivirus', 'Antivirus'],
      ['email', 'Email'],
      ['internal application', 'Internal Application'],
      ['os', 'Operating System'],
      ['cpu', 'CPU'],
      ['disk', 'Disk'],
      ['memory', 'Memory'],
      ['dhcp', 'DHCP'],
      ['dns', 'DNS'],
      ['vpn', 'VPN'],
      ['db2', 'DB2'],
      ['oracle', 'Oracle'],
    ]),
    integerChoice('hold_reason', 'On hold reason', [
      ['1', 'Awaiting Caller'],
      ['3', 'Awaiting Problem'],
      ['4', 'Awaiting Vendor'],
      ['5', 'Awaiting Change'],
    ]),
    choice('close_code', 'Resolution code', closeCode),
    text('close_notes', 'Resolution notes', 4000),
    integerChoice(
      'severity',
      'Severity',
      [
        ['1', '1 - High'],
        ['2', '2 - Medium'],
        ['3', '3 - Low'],
      ],
      { defaultValue: '3' },
    ),
    choice(
      'notify',
      'Notify',
      [
        ['1', 'Do Not Notify'],
        ['2', 'Send Email'],
        ['3', 'Chat'],
      ],
      { defaultValue: '1' },
    ),
    reference('problem_id', 'Problem', 'problem'),
    reference('rfc', 'Change Request', 'change_request'),
    reference('caused_by', 'Caused by Change', 'change_request'),
    reference('parent_incident', 'Parent Incident', 'incident'),
    integer('child_incidents', 'Child Incidents', { defaultValue: '0' }),
    integer('reopen_count', 'Reopen count', { defaultValue: '0' }),
    dateTime('reopened_time', 'Last reopened at'),
    reference('reopened_by', 'Last reopened by', 'sys_user'),
    text('business_impact', 'Business impact', 4000),
    text('cause', 'Probable cause', 4000),
    text('origin_table', 'Origin table', 80),
    documentId('origin_id', 'Origin', 'origin_table'),
    dateTime('resolved_at', 'Resolved'),
    reference('resolved_by', 'Resolved by', 'sys_user'),
    integer('business_stc', 'Business resolve time'),
    integer('calendar_stc', 'Resolve time'),
  ],
  policies: [
    {
      when: { state: ['6', '7'] },
      mandatory: ['close_code', 'close_notes'],
      switch: 'incidentClosePolicy',
    },
  ],
  views: {
    mobile: [
      'number',
      'short_description',
      'caller_id',
      'state',
      'priority',
      'assigned_to',
      'sys_updated_on',
    ],
  },
};

const problemState = [
  ['101', 'New'],
  ['102', 'Assess'],
  ['103', 'Root Cause Analysis'],
  ['104', 'Fix in Progress'],
  ['106', 'Resolved'],
  ['107', 'Closed'],
] as const;

/** The general model of the base system; it has this sys_id on every instance. */
export const problemModelId = 'b58c327fb70c021041c2feb0be11a90e';

const problem: Table = {
  name: 'problem',
  label: 'Problem',
  parent: 'task',
  number: { prefix: 'PRB', digits: 7 },
  columns: [
    choice('category', 'Category', category),
    boolean('known_error', 'Known error'),
    boolean('major_problem', 'Major problem'),
    integerChoice('state', 'State', problemState, { defaultValue: '101' }),
    integerChoice('problem_state', 'Problem state', problemState, { defaultValue: '101' }),
    choice('resolution_code', 'Resolution code', [
      ['fix_applied', 'Fix Applied'],
      ['risk_accepted', 'Risk Accepted'],
      ['duplicate', 'Duplicate'],
      ['canceled', 'Canceled'],
    ]),
    text('subcategory', 'Subcategory'),
    reference('duplicate_of', 'Duplicate of', 'problem'),
    reference('first_reported_by_task', 'First reported by', 'task'),
    reference('prb_model', 'Model', 'prb_model', { defaultValue: problemModelId }),
    reference(
      'primary_known_error_article',
      'Primary known error article',
      'kb_template_known_error_article',
    ),
    text('workaround', 'Workaround', 4000),
    boolean('workaround_applied', 'Workaround applied'),
    dateTime('workaround_communicated_at', 'Workaround communicated at'),
    reference('workaround_communicated_by', 'Workaround communicated by', 'sys_user'),
    dateTime('confirmed_at', 'Confirmed at'),
    reference('confirmed_by', 'Confirmed by', 'sys_user'),
    dateTime('fix_at', 'Fix at'),
    reference('fix_by', 'Fix by', 'sys_user'),
    dateTime('fix_communicated_at', 'Fix communicated at'),
    reference('fix_communicated_by', 'Fix communicated by', 'sys_user'),
    dateTime('resolved_at', 'Resolved at'),
    reference('resolved_by', 'Resolved by', 'sys_user'),
    integer('reopen_count', 'Reopen count', { defaultValue: '0' }),
    dateTime('reopened_at', 'Reopened at'),
    reference('reopened_by', 'Reopened by', 'sys_user'),
    text('review_outcome', 'Review outcome'),
    integer('related_incidents', 'Related Incidents', { defaultValue: '0' }),
    text('cause_notes', 'Cause notes', 4000),
    text('fix_notes', 'Fix notes', 4000),
    reference('rfc', 'Change Request', 'change_request'),
  ],
};

const problemTaskState = [
  ['151', 'New'],
  ['152', 'Assess'],
  ['154', 'Work in Progress'],
  ['157', 'Closed'],
] as const;

const problemTask: Table = {
  name: 'problem_task',
  label: 'Problem Task',
  parent: 'task',
  number: { prefix: 'PTASK', digits: 7 },
  columns: [
    integerChoice('state', 'State', problemTaskState, { defaultValue: '151' }),
    reference('problem', 'Problem', 'problem'),
    choice('problem_task_type', 'Type', [
      ['general', 'General'],
      ['rca', 'Root Cause Analysis'],
    ]),
    text('close_code', 'Close code'),
    integer('reopen_count', 'Reopen count', { defaultValue: '0' }),
    dateTime('started_at', 'Started at'),
    reference('started_by', 'Started by', 'sys_user'),
  ],
};

/** Incidents, problems and their tasks. */
export const incidentTables: readonly Table[] = [incident, problem, problemTask];
