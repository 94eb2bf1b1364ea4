import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import { type Clock, systemClock } from '../clock.ts';
import { IN_MEMORY } from '../database.ts';
import type { Deliver } from '../delivery.ts';
import type { NewEvent } from '../event-bridge/bus.ts';
import type { Permit } from '../iam/access-control.ts';
import { cloudWatchRights } from '../iam/required-rights.ts';
import { jsonAction, jsonProtocol } from '../json-protocol.ts';
import { type Log, silentLog } from '../log.ts';
import { type LoopbackServer, listenOnLoopback } from '../loopback-server.ts';
import type { Measure } from '../metrics.ts';
import { configurationChange, notification, type Suppression, stateChange } from './alarm-events.ts';
import {
  type Alarm,
  Alarms,
  alarmArn,
  CompositeAlarm,
  isComposite,
  MetricAlarm,
  StateValue,
  suppressionOf,
} from './alarms.ts';
import { GetMetricData, getMetricData } from './metric-data.ts';

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html */
const MOST_RECORDS = 100;

const DescribeAlarms = z.object({
  AlarmNames: z.array(z.string()).max(100).optional(),
  AlarmNamePrefix: z.string().optional(),
  AlarmTypes: z.array(z.enum(['MetricAlarm', 'CompositeAlarm', 'LogAlarm'])).optional(),
  StateValue: StateValue.optional(),
  MaxRecords: z.int().min(1).max(MOST_RECORDS).default(50),
  NextToken: z.string().optional(),
});

const DescribeAlarmHistory = z.object({
  AlarmName: z.string().min(1).max(255).optional(),
  // Without it only metric alarms are returned.
  AlarmTypes: z.array(z.enum(['MetricAlarm', 'CompositeAlarm'])).default(['MetricAlarm']),
  HistoryItemType: z.enum(['ConfigurationUpdate', 'StateUpdate', 'Action']).optional(),
  ScanBy: z.literal('TimestampDescending').optional(),
  MaxRecords: z.int().min(1).max(MOST_RECORDS).default(MOST_RECORDS),
});

const SetAlarmState = z.object({
  AlarmName: z.string(),
  StateValue,
  StateReason: z.string().max(1023),
  StateReasonData: z.string().max(4000).optional(),
});

/** What alarms report, and to whom. */
type Service = {
  readonly alarms: Alarms;
  readonly clock: Clock;
  readonly publish: (event: NewEvent) => void;
  readonly deliver: Deliver;
  readonly measure: Measure;
  readonly log: Log;
};

const action = <Schema extends z.ZodType>(
  schema: Schema,
  run: (input: z.output<Schema>, service: Service) => unknown,
) => jsonAction(schema, run);

const ACTIONS = {
  PutMetricAlarm: action(MetricAlarm, putAlarm),
  PutCompositeAlarm: action(CompositeAlarm, putAlarm),
  DescribeAlarms: action(DescribeAlarms, describeAlarms),
  DescribeAlarmHistory: action(DescribeAlarmHistory, describeAlarmHistory),
  SetAlarmState: action(SetAlarmState, (input, service) => {
    const { AlarmName, StateValue: value, StateReason: reason, StateReasonData: reasonData } = input;
    setState(service, AlarmName, { value, reason, reasonData });
  }),
  ListTagsForResource: action(z.object({ ResourceARN: z.string() }), listTags),
  GetMetricData: action(GetMetricData, (input, { measure }) => getMetricData(input, measure)),
  DeleteAlarms: action(z.object({ AlarmNames: z.array(z.string()).max(100) }), deleteAlarms),
};

export type CloudWatchOptions = {
  /** @default 0, a free one */
  readonly port?: number;
  /** SQLite file that keeps the alarms. @default in memory */
  readonly databaseFile?: string;
  readonly clock?: Clock;
  /** Takes the events that alarms send to the default bus. */
  readonly publish: (event: NewEvent) => void;
  /** Takes what the actions of alarms send to topics. */
  readonly deliver: Deliver;
  /** What metrics are. @default none has data */
  readonly measure?: Measure;
  readonly log?: Log;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
};

export type LocalCloudWatch = LoopbackServer & {
  /** As SetAlarmState, for a composite alarm whose actions are suppressed. */
  setSuppressedState(alarmName: string, state: NewState, suppression: Suppression): void;
};

/**
 * The alarms of Amazon CloudWatch for the real SDK, and the metrics that `measure` knows. No alarm looks at a metric: SetAlarmState makes
 * it go off. Signatures are not checked.
 */
export async function startCloudWatch(options: CloudWatchOptions): Promise<LocalCloudWatch> {
  const { port, databaseFile = IN_MEMORY, clock = systemClock, log = silentLog, publish, deliver } = options;
  const { measure = () => undefined } = options;
  const alarms = new Alarms(databaseFile);
  const service = { alarms, clock, publish, deliver, measure, log };
  const listener = jsonProtocol<Service>({
    contentType: 'application/x-amz-json-1.0',
    targetPrefix: 'GraniteServiceVersion20100801.',
    actions: ACTIONS,
    state: service,
    rights: cloudWatchRights,
    permit: options.permit,
    validationCode: 'ValidationError',
    errorHeaders: ({ code, status }) => ({
      'x-amzn-query-error': `${code};${status < 500 ? 'Sender' : 'Receiver'}`,
    }),
  });
  const server = await listenOnLoopback(listener, port, 'CloudWatch');
  return {
    ...server,
    setSuppressedState: (alarmName, state, suppression) => setState(service, alarmName, state, suppression),
    close: () => server.close().then(() => alarms.close()),
  };
}

function putAlarm(configuration: Alarm['configuration'], { alarms, clock, publish }: Service): void {
  const nowMs = clock.now();
  const before = alarms.find(configuration.AlarmName);
  const state = before?.state ?? {
    value: 'INSUFFICIENT_DATA' as const,
    reason: 'Unchecked: Initial alarm creation',
    timestampMs: nowMs,
  };
  // Tags are given at the creation; later calls leave them.
  const Tags = before?.configuration.Tags ?? configuration.Tags;
  const alarm = { configuration: { ...configuration, Tags }, configuredMs: nowMs, state };
  alarms.put(alarm);
  alarms.note(
    alarm,
    reconfigured(`Alarm "${configuration.AlarmName}" ${before ? 'updated' : 'created'}`, nowMs),
  );
  publish(configurationChange(alarm, before ? 'update' : 'create', nowMs));
}

function reconfigured(HistorySummary: string, at: number) {
  return { HistoryItemType: 'ConfigurationUpdate' as const, HistorySummary, at };
}

type NewState = Pick<Alarm['state'], 'value' | 'reason' | 'reasonData'>;

/** An alarm that stays in its state reports nothing. */
function setState(service: Service, name: string, next: NewState, given?: Suppression): void {
  const before = service.alarms.find(name);
  if (!before) throw new AwsError('ResourceNotFound', `Alarm ${name} does not exist`, 404);
  const nowMs = service.clock.now();
  const { value, timestampMs, transitionedMs = timestampMs } = before.state;
  const state = {
    ...next,
    timestampMs: nowMs,
    transitionedMs: value === next.value ? transitionedMs : nowMs,
  };
  const alarm = { ...before, state };
  service.alarms.put(alarm);
  if (before.state.value === next.value) return;
  service.alarms.note(alarm, {
    HistoryItemType: 'StateUpdate',
    HistorySummary: `Alarm updated from ${before.state.value} to ${next.value}`,
    HistoryData: JSON.stringify({
      version: '1.0',
      oldState: { stateValue: before.state.value, stateReason: before.state.reason },
      newState: { stateValue: next.value, stateReason: next.reason },
    }),
    at: alarm.state.timestampMs,
  });
  const suppression = given ?? suppressionOf(alarm, service);
  service.publish(stateChange(alarm, before.state, suppression));
  if (alarm.configuration.ActionsEnabled && !suppression) runActions(service, alarm, before.state);
}

function runActions({ deliver, log }: Service, alarm: Alarm, previous: Alarm['state']): void {
  const { configuration, state } = alarm;
  const { OKActions: OK, AlarmActions: ALARM, InsufficientDataActions: INSUFFICIENT_DATA } = configuration;
  const topics = { OK, ALARM, INSUFFICIENT_DATA }[state.value];
  for (const targetArn of topics) {
    const from = { service: 'cloudwatch.amazonaws.com', sourceArn: alarmArn(alarm) };
    try {
      deliver({ ...from, targetArn, ...notification(alarm, previous) });
    } catch (error) {
      log.warn('alarm-action-failed', { alarm: configuration.AlarmName, reason: String(error) });
    }
  }
}

function deleteAlarms({ AlarmNames }: { AlarmNames: readonly string[] }, service: Service): void {
  const found = AlarmNames.flatMap((name) => service.alarms.find(name) ?? []);
  if (found.length < AlarmNames.length)
    throw new AwsError('ResourceNotFound', 'Some of the alarms do not exist', 404);
  for (const alarm of found) {
    const { AlarmName } = alarm.configuration;
    service.alarms.delete(AlarmName);
    service.alarms.note(alarm, reconfigured(`Alarm "${AlarmName}" deleted`, service.clock.now()));
    service.publish(configurationChange(alarm, 'delete', service.clock.now()));
  }
}

/** Pages follow the order of the names; a token names the last alarm of the page before. */
function describeAlarms(input: z.output<typeof DescribeAlarms>, service: Service): object {
  const { alarms } = service;
  const { AlarmNames, AlarmNamePrefix, AlarmTypes, MaxRecords } = input;
  if (AlarmNames !== undefined && AlarmNamePrefix !== undefined)
    throw new AwsError('ValidationError', 'AlarmNames and AlarmNamePrefix cannot be given together');
  // Without AlarmTypes only metric alarms are returned, even when composite ones are named.
  const types: readonly string[] = AlarmTypes ?? ['MetricAlarm'];
  const after = input.NextToken === undefined ? '' : tokenName(input.NextToken);
  const fitting = alarms.list().filter(({ configuration, state }) => {
    const { AlarmName } = configuration;
    return (
      AlarmName > after &&
      types.includes(isComposite(configuration) ? 'CompositeAlarm' : 'MetricAlarm') &&
      (AlarmNames === undefined || AlarmNames.includes(AlarmName)) &&
      AlarmName.startsWith(AlarmNamePrefix ?? '') &&
      (input.StateValue === undefined || state.value === input.StateValue)
    );
  });
  const page = fitting.slice(0, MaxRecords);
  const last = page.at(-1)?.configuration.AlarmName;
  return {
    MetricAlarms: page.filter(({ configuration }) => !isComposite(configuration)).map(describe),
    CompositeAlarms: page
      .filter(({ configuration }) => isComposite(configuration))
      .map((alarm) => ({ ...describe(alarm), ...suppressedColumns(suppressionOf(alarm, service)) })),
    ...(fitting.length > page.length && last !== undefined && { NextToken: tokenOf(last) }),
  };
}

/** CloudWatch keeps what happened for 30 days, also of alarms that were deleted. */
const historyMs = 30 * 24 * 3_600_000;

function describeAlarmHistory(
  { AlarmName, AlarmTypes, HistoryItemType, MaxRecords }: z.output<typeof DescribeAlarmHistory>,
  { alarms, clock }: Service,
): object {
  const fitting = alarms
    .history(AlarmName)
    .filter(
      (item) =>
        item.at > clock.now() - historyMs &&
        AlarmTypes.includes(item.AlarmType) &&
        (HistoryItemType === undefined || item.HistoryItemType === HistoryItemType),
    );
  return {
    AlarmHistoryItems: fitting
      .slice(0, MaxRecords)
      .map(({ at, ...item }) => ({ ...item, Timestamp: at / 1000 })),
  };
}

function suppressedColumns(suppression: Suppression | undefined): object {
  if (!suppression) return {};
  return { ActionsSuppressedBy: suppression.by, ActionsSuppressedReason: suppression.reason };
}

function listTags({ ResourceARN }: { ResourceARN: string }, { alarms }: Service): object {
  const alarm = alarms.list().find((one) => alarmArn(one) === ResourceARN);
  if (!alarm) throw new AwsError('ResourceNotFoundException', 'Unknown', 404);
  return { Tags: alarm.configuration.Tags };
}

function describe(alarm: Alarm): object {
  const { Tags: _, ...configuration } = alarm.configuration;
  const { value, reason, reasonData, timestampMs, transitionedMs = timestampMs } = alarm.state;
  return {
    ...configuration,
    AlarmArn: alarmArn(alarm),
    AlarmConfigurationUpdatedTimestamp: alarm.configuredMs / 1000,
    StateValue: value,
    StateReason: reason,
    ...(reasonData !== undefined && { StateReasonData: reasonData }),
    StateUpdatedTimestamp: timestampMs / 1000,
    StateTransitionedTimestamp: transitionedMs / 1000,
  };
}

function tokenOf(name: string): string {
  return Buffer.from(name).toString('base64url');
}

function tokenName(token: string): string {
  const name = Buffer.from(token, 'base64url').toString();
  if (tokenOf(name) !== token) throw new AwsError('InvalidNextToken', 'The next token is invalid');
  return name;
}
