import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';

/** An alarm as CloudWatch has it now. */
export type AlarmNow = {
  readonly arn: string;
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  /** When the state began, in milliseconds since the Unix epoch. */
  readonly sinceMs: number;
};

/** DescribeAlarms takes so many names. */
const maxNames = 100;

const clients = new Map<string, Promise<CloudWatchClient>>();

/** The SDK is loaded by the first call. */
function cloudWatch(region: string): Promise<CloudWatchClient> {
  const known = clients.get(region);
  if (known) return known;
  const made = import('./sdk/cloudwatch.ts').then(
    (sdk) => new sdk.CloudWatchClient({ region, maxAttempts: 3 }),
  );
  clients.set(region, made);
  return made;
}

/**
 * The alarms of these names, metric and composite, by name. One that is left out cannot be seen: a role whose right is narrower than
 * all alarms sees no composite ones, without an error. An alarm counts as deleted when its history, which outlives it, can be seen.
 * @throws what CloudWatch answers
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
 */
export async function describeAlarms(
  names: readonly string[],
  region: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, AlarmNow | 'deleted'>> {
  const found = await presentAlarms(names, region, signal);
  const missing = names.filter((name) => !found.has(name));
  const deleted = await Promise.all(missing.map((name) => hasHistory(name, region, signal)));
  return new Map<string, AlarmNow | 'deleted'>([
    ...found,
    ...missing.filter((_, i) => deleted[i]).map((name) => [name, 'deleted'] as const),
  ]);
}

async function hasHistory(AlarmName: string, region: string, abortSignal: AbortSignal): Promise<boolean> {
  const { DescribeAlarmHistoryCommand } = await import('./sdk/cloudwatch.ts');
  const command = new DescribeAlarmHistoryCommand({
    AlarmName,
    AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
    MaxRecords: 1,
  });
  const { AlarmHistoryItems = [] } = await (await cloudWatch(region)).send(command, { abortSignal });
  return AlarmHistoryItems.length > 0;
}

async function presentAlarms(
  names: readonly string[],
  region: string,
  signal: AbortSignal,
): Promise<Map<string, AlarmNow>> {
  const { DescribeAlarmsCommand } = await import('./sdk/cloudwatch.ts');
  const found = new Map<string, AlarmNow>();
  for (let at = 0; at < names.length; at += maxNames) {
    const command = new DescribeAlarmsCommand({
      AlarmNames: names.slice(at, at + maxNames),
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      MaxRecords: maxNames,
    });
    const { MetricAlarms = [], CompositeAlarms = [] } = await (await cloudWatch(region)).send(command, {
      abortSignal: signal,
    });
    for (const alarm of [...MetricAlarms, ...CompositeAlarms])
      found.set(alarm.AlarmName ?? '', {
        arn: alarm.AlarmArn ?? '',
        name: alarm.AlarmName ?? '',
        state: alarm.StateValue ?? '',
        reason: alarm.StateReason ?? '',
        // The other time moves with each evaluation of a state that stays.
        sinceMs: (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp)?.getTime() ?? 0,
      });
  }
  return found;
}
