import type {
  AlarmHistoryItem,
  CloudWatchClient,
  CompositeAlarm,
  MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import { parseJson } from '../core/parse-json.ts';

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
export const maxAlarms = 100;

/** A page of a history holds so many items. */
const maxItems = 100;

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

/** What CloudWatch remembers of an alarm, for 30 days, also when it was deleted. */
export type AlarmPast = {
  /** False when nothing of it can be seen. */
  readonly isKnown: boolean;
  /** When it was last found to be OK or in ALARM, and why; missing data say nothing of that. */
  readonly lastState: Omit<AlarmNow, 'arn' | 'name'> | undefined;
};

/**
 * The alarms of these names, metric and composite, by name. One that is left out was deleted, or cannot be seen: a role whose right is
 * narrower than all alarms sees no composite ones, without an error.
 * @param names at most 100
 * @throws what CloudWatch answers
 */
export async function describeAlarms(
  names: readonly string[],
  region: string,
  abortSignal: AbortSignal,
): Promise<ReadonlyMap<string, AlarmNow>> {
  const { DescribeAlarmsCommand } = await import('./sdk/cloudwatch.ts');
  const command = new DescribeAlarmsCommand({
    AlarmNames: [...names],
    AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
    MaxRecords: maxAlarms,
  });
  const answer = await (await cloudWatch(region)).send(command, { abortSignal });
  const { MetricAlarms = [], CompositeAlarms = [] } = answer;
  return new Map([...MetricAlarms, ...CompositeAlarms].map((alarm) => [alarm.AlarmName ?? '', nowOf(alarm)]));
}

function nowOf(alarm: MetricAlarm | CompositeAlarm): AlarmNow {
  return {
    arn: alarm.AlarmArn ?? '',
    name: alarm.AlarmName ?? '',
    state: alarm.StateValue ?? '',
    reason: alarm.StateReason ?? '',
    // The other time moves with each evaluation of a state that stays.
    sinceMs: (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp)?.getTime() ?? 0,
  };
}

/** An alarm that sounds, with what its event would say of it. */
export type SoundingAlarm = AlarmNow & { readonly description: string | undefined };

/**
 * The composite alarms in ALARM that have a suppressor and are not suppressed now.
 * @throws what CloudWatch answers
 */
export async function unsuppressedAlarms(
  region: string,
  abortSignal: AbortSignal,
): Promise<readonly SoundingAlarm[]> {
  const { DescribeAlarmsCommand } = await import('./sdk/cloudwatch.ts');
  const client = await cloudWatch(region);
  const found: SoundingAlarm[] = [];
  let NextToken: string | undefined;
  do {
    const command = new DescribeAlarmsCommand({
      ...{ AlarmTypes: ['CompositeAlarm'], StateValue: 'ALARM', MaxRecords: maxAlarms, NextToken },
    });
    const answer = await client.send(command, { abortSignal });
    for (const alarm of answer.CompositeAlarms ?? [])
      if ((alarm.ActionsSuppressor ?? '') !== '' && (alarm.ActionsSuppressedBy ?? '') === '')
        found.push({ ...nowOf(alarm), description: alarm.AlarmDescription });
    NextToken = answer.NextToken;
  } while (NextToken !== undefined);
  return found;
}

/** The tags of an alarm, by key. @throws what CloudWatch answers */
export async function alarmTags(
  ResourceARN: string,
  region: string,
  abortSignal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { ListTagsForResourceCommand } = await import('./sdk/cloudwatch.ts');
  const command = new ListTagsForResourceCommand({ ResourceARN });
  const { Tags = [] } = await (await cloudWatch(region)).send(command, { abortSignal });
  return Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}

/**
 * The past of one alarm, which outlives it.
 * @throws what CloudWatch answers
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
 */
export async function alarmPast(
  AlarmName: string,
  region: string,
  abortSignal: AbortSignal,
): Promise<AlarmPast> {
  const { DescribeAlarmHistoryCommand } = await import('./sdk/cloudwatch.ts');
  const command = new DescribeAlarmHistoryCommand({
    AlarmName,
    AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
    ScanBy: 'TimestampDescending',
    MaxRecords: maxItems,
  });
  const { AlarmHistoryItems = [] } = await (await cloudWatch(region)).send(command, { abortSignal });
  const states = AlarmHistoryItems.filter((one) => one.AlarmContributorId === undefined).flatMap(newState);
  return { isKnown: AlarmHistoryItems.length > 0, lastState: states[0] };
}

/** The state that an item of the history reports, unless data were missing. */
function newState({ HistoryItemType, HistoryData = '', Timestamp }: AlarmHistoryItem) {
  if (HistoryItemType !== 'StateUpdate' || Timestamp === undefined) return [];
  try {
    const { stateValue: state, stateReason = '' } = Object(parseJson(HistoryData)).newState;
    return state === 'OK' || state === 'ALARM'
      ? [{ state: String(state), reason: String(stateReason), sinceMs: Timestamp.getTime() }]
      : [];
  } catch {
    return [];
  }
}
