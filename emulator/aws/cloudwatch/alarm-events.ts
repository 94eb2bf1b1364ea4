import { ACCOUNT_ID } from '../account.ts';
import type { NewEvent } from '../event-bridge/bus.ts';
import { type Alarm, alarmArn, isComposite, type State } from './alarms.ts';

/** When an alarm's actions are suppressed: what CloudWatch adds to the state of its event. */
export type Suppression = { readonly by: string; readonly reason: string };

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html */
export function stateChange(alarm: Alarm, previous: State, suppression?: Suppression): NewEvent {
  const suppressed = suppression && {
    actionsSuppressedBy: suppression.by,
    actionsSuppressedReason: suppression.reason,
  };
  return {
    source: 'aws.cloudwatch',
    detailType: 'CloudWatch Alarm State Change',
    resources: [alarmArn(alarm)],
    timeMs: alarm.state.timestampMs,
    detail: {
      alarmName: alarm.configuration.AlarmName,
      configuration: configurationOf(alarm),
      previousState: stateOf(previous),
      state: { ...stateOf(alarm.state), ...suppressed },
      ...tagsOf(alarm),
    },
  };
}

/** The event of an alarm that was created, changed or deleted; it carries the state that the alarm had. */
export function configurationChange(
  alarm: Alarm,
  operation: 'create' | 'update' | 'delete',
  nowMs: number,
): NewEvent {
  return {
    source: 'aws.cloudwatch',
    detailType: 'CloudWatch Alarm Configuration Change',
    resources: [alarmArn(alarm)],
    timeMs: nowMs,
    detail: {
      alarmName: alarm.configuration.AlarmName,
      operation,
      state: { value: alarm.state.value, timestamp: timestamp(alarm.state.timestampMs) },
      configuration: {
        ...configurationOf(alarm),
        alarmName: alarm.configuration.AlarmName,
        actionsEnabled: alarm.configuration.ActionsEnabled,
        timestamp: timestamp(nowMs),
      },
      ...tagsOf(alarm),
    },
  };
}

/**
 * The message that an alarm's action publishes to a topic, and its subject.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
 */
export function notification(alarm: Alarm, previous: State): { subject: string; body: string } {
  const { configuration, state } = alarm;
  const message = {
    AlarmName: configuration.AlarmName,
    AlarmDescription: configuration.AlarmDescription ?? null,
    AWSAccountId: ACCOUNT_ID,
    AlarmConfigurationUpdatedTimestamp: timestamp(alarm.configuredMs),
    NewStateValue: state.value,
    NewStateReason: state.reason,
    StateChangeTime: timestamp(state.timestampMs),
    Region: 'US East (N. Virginia)',
    AlarmArn: alarmArn(alarm),
    OldStateValue: previous.value,
    OKActions: configuration.OKActions,
    AlarmActions: configuration.AlarmActions,
    InsufficientDataActions: configuration.InsufficientDataActions,
    ...(isComposite(configuration)
      ? { AlarmRule: configuration.AlarmRule }
      : {
          Trigger: {
            MetricName: configuration.MetricName,
            Namespace: configuration.Namespace,
            StatisticType: 'Statistic',
            Statistic: configuration.Statistic.toUpperCase(),
            Unit: null,
            Dimensions: configuration.Dimensions.map(({ Name, Value }) => ({ value: Value, name: Name })),
            Period: configuration.Period,
            EvaluationPeriods: configuration.EvaluationPeriods,
            ComparisonOperator: configuration.ComparisonOperator,
            Threshold: configuration.Threshold,
            TreatMissingData: configuration.TreatMissingData ?? 'missing',
            EvaluateLowSampleCountPercentile: '',
          },
        }),
  };
  const subject = `${state.value}: "${configuration.AlarmName}" in US East (N. Virginia)`;
  return { subject: subject.slice(0, 100), body: JSON.stringify(message) };
}

function configurationOf({ configuration }: Alarm): Record<string, unknown> {
  const description = configuration.AlarmDescription;
  const described = description === undefined ? {} : { description };
  if (isComposite(configuration)) {
    const { AlarmRule, ActionsSuppressor } = configuration;
    return {
      ...described,
      alarmRule: AlarmRule,
      ...(ActionsSuppressor !== undefined && {
        actionsSuppressor: ActionsSuppressor,
        actionsSuppressorWaitPeriod: configuration.ActionsSuppressorWaitPeriod,
        actionsSuppressorExtensionPeriod: configuration.ActionsSuppressorExtensionPeriod,
      }),
    };
  }
  const { Dimensions, MetricName, Namespace, Period, Statistic } = configuration;
  const dimensions = Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value]));
  const metric = { namespace: Namespace, name: MetricName, dimensions };
  return {
    ...described,
    metrics: [{ id: 'm1', metricStat: { metric, period: Period, stat: Statistic }, returnData: true }],
  };
}

function stateOf({ value, reason, reasonData, timestampMs }: State): Record<string, unknown> {
  return {
    value,
    reason,
    ...(reasonData !== undefined && { reasonData }),
    timestamp: timestamp(timestampMs),
  };
}

function tagsOf({ configuration: { Tags } }: Alarm): { alarmTags?: Record<string, string> } {
  if (Tags.length === 0) return {};
  return { alarmTags: Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value])) };
}

/** e.g. `2019-10-02T17:04:40.989+0000`. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '+0000');
}
