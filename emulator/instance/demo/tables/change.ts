import {
  boolean,
  choice,
  date,
  dateTime,
  integerChoice,
  journal,
  reference,
  text,
} from '../../schema/columns.ts';
import type { Table } from '../../schema/table.ts';
import { priority } from './choices.ts';

const changeCloseCode = [
  ['successful', 'Successful'],
  ['successful_issues', 'Successful with issues'],
  ['unsuccessful', 'Unsuccessful'],
] as const;

const changeRequest: Table = {
  name: 'change_request',
  label: 'Change Request',
  parent: 'task',
  number: { prefix: 'CHG', digits: 7 },
  columns: [
    integerChoice(
      'state',
      'State',
      [
        ['-5', 'New'],
        ['-4', 'Assess'],
        ['-3', 'Authorize'],
        ['-2', 'Scheduled'],
        ['-1', 'Implement'],
        ['0', 'Review'],
        ['3', 'Closed'],
        ['4', 'Canceled'],
      ],
      { defaultValue: '-5' },
    ),
    choice(
      'type',
      'Type',
      [
        ['normal', 'Normal'],
        ['standard', 'Standard'],
        ['emergency', 'Emergency'],
      ],
      { defaultValue: 'normal' },
    ),
    choice('risk', 'Risk', [
      ['2', 'High'],
      ['3', 'Moderate'],
      ['4', 'Low'],
    ]),
    integerChoice('priority', 'Priority', priority, { defaultValue: '4' }),
    choice(
      'category',
      'Category',
      [
        ['Hardware', 'Hardware'],
        ['Software', 'Software'],
        ['Service', 'Service'],
        ['Network', 'Network'],
        ['Other', 'Other'],
      ],
      { defaultValue: 'Other' },
    ),
    reference('requested_by', 'Requested by', 'sys_user', { defaultValue: 'javascript:gs.getUserID()' }),
    dateTime('start_date', 'Planned start date'),
    dateTime('end_date', 'Planned end date'),
    text('justification', 'Justification', 4000),
    text('implementation_plan', 'Implementation plan', 4000),
    text('backout_plan', 'Backout plan', 4000),
    boolean('cab_required', 'CAB required'),
    reference('chg_model', 'Model', 'chg_model'),
    reference('copied_from', 'Copied from', 'change_request'),
    reference(
      'std_change_producer_version',
      'Standard Change Template version',
      'std_change_producer_version',
    ),
    text('reason', 'Reason', 4000),
    text('scope', 'Scope', 40, { defaultValue: '3' }),
    text('test_plan', 'Test plan', 4000),
    text('change_plan', 'Change plan', 4000),
    choice('close_code', 'Close code', changeCloseCode),
    boolean('on_hold', 'On hold'),
    text('on_hold_reason', 'On hold reason', 4000),
    reference('on_hold_task', 'On hold Change Tasks', 'change_task'),
    choice('phase', 'Phase', [['requested', 'Requested']], { defaultValue: 'requested' }),
    choice('phase_state', 'Phase state', [['open', 'Open']], { defaultValue: 'open' }),
    boolean('production_system', 'Production system'),
    boolean('outside_maintenance_schedule', 'Outside maintenance schedule'),
    boolean('unauthorized', 'Unauthorized'),
    dateTime('requested_by_date', 'Requested by date'),
    dateTime('cab_date_time', 'CAB date/time'),
    reference('cab_delegate', 'CAB delegate', 'sys_user'),
    text('cab_recommendation', 'CAB recommendation', 4000),
    text('conflict_status', 'Conflict status', 40, { defaultValue: 'Not Run' }),
    dateTime('conflict_last_run', 'Conflict last run'),
    text('review_status', 'Review status'),
    date('review_date', 'Review date'),
    text('review_comments', 'Review comments', 4000),
    text('risk_impact_analysis', 'Risk and impact analysis', 4000),
  ],
};

const changeTask: Table = {
  name: 'change_task',
  label: 'Change Task',
  parent: 'task',
  number: { prefix: 'CTASK', digits: 7 },
  columns: [
    integerChoice('priority', 'Priority', priority, { defaultValue: '4' }),
    integerChoice(
      'state',
      'State',
      [
        ['-5', 'Pending'],
        ['1', 'Open'],
        ['2', 'In Progress'],
        ['3', 'Closed'],
        ['4', 'Canceled'],
      ],
      { defaultValue: '1' },
    ),
    choice(
      'change_task_type',
      'Type',
      [
        ['planning', 'Planning'],
        ['implementation', 'Implementation'],
        ['testing', 'Testing'],
        ['review', 'Review'],
      ],
      { defaultValue: 'planning' },
    ),
    choice('close_code', 'Close code', changeCloseCode),
    boolean('on_hold', 'On hold'),
    text('on_hold_reason', 'On hold reason', 4000),
    text('created_from', 'Created from', 40, { defaultValue: 'manual' }),
    reference('change_request', 'Change request', 'change_request'),
    dateTime('planned_start_date', 'Planned start date'),
    dateTime('planned_end_date', 'Planned end date'),
  ],
};

/** A table as customers make their own: with journal columns beyond those of task. */
const fieldVisit: Table = {
  name: 'u_field_visit',
  label: 'Field Visit',
  parent: 'task',
  number: { prefix: 'UFV', digits: 7 },
  columns: [
    reference('u_site', 'Site', 'cmn_location'),
    journal('u_visit_log', 'Visit log'),
    journal('u_safety_notes', 'Safety notes'),
  ],
};

/** Changes, their tasks, and visits. */
export const changeTables: readonly Table[] = [changeRequest, changeTask, fieldVisit];
