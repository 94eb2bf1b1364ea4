import {
  type CloudWatchClient,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';

const accountId = '000000000000';
/** Yesterday, so that no state lies in the future. */
const startMs = Math.floor(Date.now() / 1000) * 1000 - 2 * 86_400_000;

/** From that start, rounded down. */
export function secondsUntilNow(): number {
  return Math.floor((Date.now() - startMs) / 1000);
}

export type AlarmState = 'ALARM' | 'OK';

const arnOf = (name: string) => `arn:aws:cloudwatch:us-east-1:${accountId}:alarm:${name}`;
const timestamp = (ms: number) => new Date(ms).toISOString().replace('Z', '+0000');

/** The event of an alarm that changed its state, so many seconds after a start that all tests share. */
export function alarmEvent(name: string, value: AlarmState, atSeconds: number) {
  const atMs = startMs + atSeconds * 1000;
  const before: AlarmState = value === 'OK' ? 'ALARM' : 'OK';
  return {
    version: '0',
    id: crypto.randomUUID(),
    'detail-type': 'CloudWatch Alarm State Change',
    source: 'aws.cloudwatch',
    account: accountId,
    time: new Date(atMs).toISOString().replace('.000', ''),
    region: 'us-east-1',
    resources: [arnOf(name)],
    detail: {
      alarmName: name,
      configuration: { description: 'CPU of the web servers' },
      previousState: { value: before },
      state: { value, reason: `it is ${value}`, timestamp: timestamp(atMs) },
    },
  };
}

/** What the action of the same alarm publishes to a topic. */
export function alarmNotification(name: string, value: AlarmState, atSeconds: number) {
  const { detail, resources } = alarmEvent(name, value, atSeconds);
  return {
    AlarmName: name,
    AlarmDescription: detail.configuration.description,
    AWSAccountId: accountId,
    NewStateValue: value,
    NewStateReason: detail.state.reason,
    StateChangeTime: detail.state.timestamp,
    Region: 'US East (N. Virginia)',
    AlarmArn: resources[0],
    OldStateValue: detail.previousState.value,
    Trigger: { MetricName: 'CPUUtilization', Namespace: 'AWS/EC2', Dimensions: [] },
  };
}

/** Makes an alarm in CloudWatch itself. */
export async function putAlarm(cloudWatch: CloudWatchClient, AlarmName: string, actions: string[] = []) {
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName,
      MetricName: 'CPUUtilization',
      Namespace: 'AWS/EC2',
      Statistic: 'Average',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 90,
      ComparisonOperator: 'GreaterThanThreshold',
      AlarmActions: actions,
    }),
  );
}

/** Changes the state of an alarm in CloudWatch itself. */
export async function setAlarm(
  cloudWatch: CloudWatchClient,
  AlarmName: string,
  StateValue: AlarmState | 'INSUFFICIENT_DATA',
) {
  const StateReason = `it is ${StateValue}`;
  await cloudWatch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason }));
}

/** A signal that opens a record. */
export function signalOf(about: { source: string; key: string; at: string; eventId: string }) {
  return { action: 'signal', signal: 'open', ...about };
}
