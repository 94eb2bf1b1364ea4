import type { Author, Row } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import type { BaseRuleSwitches } from '../switches.ts';
import { toDateTime } from '../time/dates.ts';
import { AbortedByRule, AclException, RecordRefused, TransitionRefused } from './refusals.ts';

/** A write on its way: the row before it (none for an insert), the row that it makes, and what the caller gave. */
export type Write = {
  readonly table: string;
  readonly before: Row | undefined;
  readonly after: Row;
  readonly given: Row;
  readonly by: Author;
  readonly nowMs: number;
  /** Reads another row. */
  readonly find: (table: string, sysId: string) => Row | undefined;
};

/** Looks at a write and returns what the base system changes in it. */
type BaseRule = (write: Write) => Row;

/**
 * The business rules of the base system, by the table that they are for; those of a table above run first.
 * @throws RecordRefused when a rule refuses the write.
 * @returns the columns that they change.
 */
export function runBaseRules(schema: Schema, write: Write, switches: BaseRuleSwitches): Row {
  const lineage = schema
    .ancestry(write.table)
    .map(({ name }) => name)
    .reverse();
  const closed = lineage.map((table) => closedStates.get(table)).findLast((states) => states !== undefined);
  const rules = [
    ...lineage.flatMap((table) => rulesOf.get(table)?.(switches) ?? []),
    ...(closed ? [closeTask(closed)] : []),
  ];
  let changes: Row = {};
  for (const rule of rules)
    changes = { ...changes, ...rule({ ...write, after: { ...write.after, ...changes } }) };
  return changes;
}

/** By impact, then urgency: "Priority lookup rules" of the base system. */
const priorities: Readonly<Record<string, string>> = {
  '1,1': '1',
  '1,2': '2',
  '1,3': '3',
  '2,1': '2',
  '2,2': '3',
  '2,3': '4',
  '3,1': '3',
  '3,2': '4',
  '3,3': '5',
};

/** Impact and urgency without a rule of their own leave the priority as it is. */
const lookUpPriority: BaseRule = ({ before, after }) => {
  const key = `${after['impact']},${after['urgency']}`;
  const unchanged = before && ['impact', 'urgency', 'priority'].every((name) => before[name] === after[name]);
  const priority = priorities[key];
  return priority === undefined || unchanged ? {} : { priority };
};

const nameFromParts: BaseRule = ({ after }) => {
  const parts = ['first_name', 'middle_name', 'last_name'].flatMap((part) => after[part]?.trim() || []);
  return parts.length === 0 ? {} : { name: parts.join(' ') };
};

const numberTask: BaseRule = ({ after }) => ({ task_effective_number: after['number'] ?? '' });

/** Closing a task ends it, and says when and by whom; a task that is open again is active again. */
const closeTask =
  (states: readonly string[]): BaseRule =>
  ({ before, after, by, nowMs }) => {
    const isClosed = states.includes(after['state'] ?? '');
    const wasClosed = before !== undefined && states.includes(before['state'] ?? '');
    if (isClosed === wasClosed) return {};
    if (!isClosed) return { active: 'true' };
    return {
      active: 'false',
      closed_at: after['closed_at'] || toDateTime(nowMs),
      closed_by: after['closed_by'] || by.sysId,
    };
  };

/** `state` and `incident_state` are one; the one that the caller changed wins. */
const mirrorIncidentState: BaseRule = ({ before, after, given }) => {
  const { state = '', incident_state: mirrored = '' } = after;
  if (state === mirrored) return {};
  const isMirrorChanged = given['state'] === undefined && mirrored !== (before?.['incident_state'] ?? '1');
  return isMirrorChanged ? { state: mirrored } : { incident_state: state };
};

/** Who resolved an incident and when, and how often it was reopened. */
const traceIncident: BaseRule = ({ before, after, by, nowMs }) => {
  const [was, is] = [before?.['state'], after['state']];
  if (was === is) return {};
  if (is === '6') {
    return {
      resolved_at: after['resolved_at'] || toDateTime(nowMs),
      resolved_by: after['resolved_by'] || by.sysId,
    };
  }
  const isReopened = (was === '6' || was === '7') && is !== '6' && is !== '7' && is !== '8';
  if (!isReopened) return {};
  return {
    reopen_count: String(Number(before?.['reopen_count'] ?? '0') + 1),
    reopened_time: toDateTime(nowMs),
    reopened_by: by.sysId,
    resolved_at: '',
    resolved_by: '',
  };
};

/** An author without roles is the platform itself. */
const has = ({ roles }: Author, ...wanted: readonly string[]) =>
  roles === undefined || ['admin', ...wanted].some((role) => roles.has(role));

const keepClosed: BaseRule = ({ before, after, table }) => {
  if (before?.['state'] !== '7' || after['state'] === '7') return {};
  throw new AbortedByRule(table, { name: 'Closed incidents stay closed', sysId: closedIncidentRule });
};

/** The rule's sys_id; any will do. */
const closedIncidentRule = '7c0500fc0a0a0b5a00d1e1f2a3b4c5d6';

const requireIncidentRoles: BaseRule = ({ before, after, by }) => {
  const [was, is] = [before?.['state'], after['state']];
  const isChanged = before && Object.keys(after).some((name) => after[name] !== before[name]);
  if (was === '7' && isChanged && !has(by)) throw new AclException('Update');
  if (was === is) return {};
  if (is === '6' && !has(by, 'itil', 'itil_admin')) throw new AclException(before ? 'Update' : 'Insert');
  if (is === '7' && !has(by, 'itil_admin')) throw new AclException(before ? 'Update' : 'Insert');
  return {};
};

/** Where the state model of a problem lets a state lead to. */
const problemSteps: Readonly<Record<string, readonly string[]>> = {
  '101': ['102', '103', '104', '107'],
  '102': ['101', '103', '104', '107'],
  '103': ['102', '104', '106', '107'],
  '104': ['103', '106', '107'],
  '106': ['103', '104', '107'],
  '107': ['103'],
};

const stepProblem: BaseRule = ({ before, after }) => {
  const [was = '', is = ''] = [before?.['state'], after['state']];
  const steps = problemSteps[was];
  if (!steps || was === is || !(is in problemSteps) || steps.includes(is)) return {};
  throw new TransitionRefused(`Problem state transition from state ${was} to ${is} is not possible`);
};

const traceProblem: BaseRule = ({ before, after, by, nowMs }) => {
  const [was, is] = [before?.['state'], after['state']];
  const now = toDateTime(nowMs);
  const mirrored = after['problem_state'] === is ? {} : { problem_state: is ?? '' };
  if (was === is) return mirrored;
  const confirmed = is === '103' && !after['confirmed_at'] && { confirmed_at: now, confirmed_by: by.sysId };
  const fixed = is === '104' && !after['fix_at'] && { fix_at: now, fix_by: by.sysId };
  const resolved = is === '106' && !after['resolved_at'] && { resolved_at: now, resolved_by: by.sysId };
  return { ...mirrored, ...confirmed, ...fixed, ...resolved };
};

/** The change models of the base system, by the type that they give a change; their sys_ids are those of every instance. */
export const changeModels = {
  normal: '007c4001c343101035ae3f52c1d3aeb2',
  standard: 'e55d0bfec343101035ae3f52c1d3ae49',
  emergency: '62d10fa1c303101035ae3f52c1d3aec1',
} as const;

const typeOfModel = (model: string) => Object.entries(changeModels).find(([, sysId]) => sysId === model)?.[0];

const modelOfType = (type: string) => Object.entries(changeModels).find(([name]) => name === type)?.[1];

/**
 * The type of a change follows its model: one without a model is a normal change, whatever type the caller gave
 * (recorded). With `changeTypeCompatibility` it is the other way round, as in releases before change models.
 */
const modelChange =
  (typeDecides: boolean): BaseRule =>
  ({ before, after, given }) => {
    const { chg_model: model = '', type = '' } = after;
    const isTypeChanged = given['type'] !== undefined && type !== before?.['type'];
    if (isTypeChanged && given['chg_model'] === undefined && (typeDecides || before !== undefined))
      return withModel(modelOfType(type));
    if (model === '') return typeDecides ? withModel(modelOfType(type)) : ofNormalModel;
    const ofModel = typeOfModel(model);
    return ofModel === undefined || ofModel === type ? {} : { type: ofModel };
  };

const ofNormalModel: Row = { chg_model: changeModels.normal, type: 'normal' };

const withModel = (model: string | undefined): Row => (model === undefined ? {} : { chg_model: model });

/** A standard change takes what its template says for every column that the caller left out. */
const applyChangeTemplate: BaseRule = ({ before, after, given, find }) => {
  const version = after['std_change_producer_version'] ?? '';
  if (before !== undefined || version === '') return {};
  const producer = find('std_change_producer_version', version)?.['std_change_producer'] ?? '';
  const template = find('std_change_record_producer', producer)?.['template'] ?? '';
  const columns = template.split('^').flatMap((clause): [string, string][] => {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(clause) ?? [];
    return name in after && name !== 'EQ' && given[name] === undefined ? [[name, value]] : [];
  });
  return Object.fromEntries(columns);
};

const parentOfChangeTask: BaseRule = ({ after }) =>
  after['parent'] ? {} : { parent: after['change_request'] ?? '' };

/** A request that is submitted is taken into process at once. */
const processRequest: BaseRule = ({ after }) =>
  after['request_state'] === 'submitted' ? { request_state: 'in_process' } : {};

const parentOfProblemTask: BaseRule = ({ after }) =>
  after['parent'] ? {} : { parent: after['problem'] ?? '' };

/** A rule that the emulator cannot run is refused by name, rather than kept without effect. */
const requireNoScript: BaseRule = ({ after }) => {
  const reason = scriptedRuleReason(after);
  if (reason !== undefined) throw new RecordRefused(reason);
  return {};
};

/** Why a row of sys_script cannot take effect; undefined when it can. */
export function scriptedRuleReason(row: Row): string | undefined {
  if (!row['script'] && !row['condition']) return undefined;
  return (
    `Business rule '${row['name'] ?? ''}' has a script, and the emulator runs none; ` +
    'use abort_action with filter_condition, or a rule of the control API'
  );
}

/** The states that end a task ("mark closed" of the base system), by the nearest table that has states of its own. */
const closedStates: ReadonlyMap<string, readonly string[]> = new Map([
  ['task', ['3', '4', '7']],
  ['incident', ['7', '8']],
  ['problem', ['107']],
  ['problem_task', ['157']],
  ['sn_si_incident', ['3', '7']],
  ['change_request', ['3', '4']],
]);

const rulesOf: ReadonlyMap<string, (switches: BaseRuleSwitches) => readonly BaseRule[]> = new Map([
  ['sys_user', () => [nameFromParts]],
  ['sys_script', () => [requireNoScript]],
  ['task', () => [numberTask]],
  [
    'incident',
    (switches: BaseRuleSwitches) => [
      mirrorIncidentState,
      ...(switches.closedIncidentIsFinal ? [keepClosed] : []),
      ...(switches.incidentRolesEnforced ? [requireIncidentRoles] : []),
      ...(switches.priorityLookup ? [lookUpPriority] : []),
      traceIncident,
    ],
  ],
  [
    'problem',
    (switches: BaseRuleSwitches) => [
      stepProblem,
      ...(switches.priorityLookup ? [lookUpPriority] : []),
      traceProblem,
    ],
  ],
  [
    'change_request',
    ({ changeTypeCompatibility }: BaseRuleSwitches) => [
      applyChangeTemplate,
      modelChange(changeTypeCompatibility),
    ],
  ],
  ['change_task', () => [parentOfChangeTask]],
  ['sc_request', () => [processRequest]],
  ['problem_task', () => [parentOfProblemTask]],
]);
