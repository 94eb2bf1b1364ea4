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

/** The alarms of these names, metric and composite, by name; one that is not there was deleted. @throws what CloudWatch answers */
export async function describeAlarms(
  names: readonly string[],
  region: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, AlarmNow>> {
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
        sinceMs: alarm.StateUpdatedTimestamp?.getTime() ?? 0,
      });
  }
  return found;
}
