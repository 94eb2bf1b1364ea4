import type { SoundingAlarm } from '../aws/alarms.ts';
import { type Asking, type OpenRecord, untilThen } from './ask-sources.ts';

/**
 * The events of composite alarms that went off while their actions were suppressed, and still sound now that nothing suppresses them:
 * EventBridge has reported them as suppressed, and does not report them again. Those that have an open record are left out.
 * @param region the one of the deployment
 */
export async function askSuppressed(
  records: readonly Pick<OpenRecord, 'key'>[],
  account: string,
  region: string,
  { sources, deadline, guard }: Asking,
): Promise<readonly object[]> {
  const open = new Set(records.map(({ key }) => key));
  const sounding = await guard(`CloudWatch in ${region} about composite alarms`, () =>
    sources.unsuppressedAlarms(region, untilThen(deadline)),
  );
  const events: object[] = [];
  for (const alarm of sounding.filter(({ arn }) => !open.has(arn))) {
    const [tags] = await guard(`CloudWatch in ${region} about the tags of ${alarm.name}`, async () => [
      await sources.alarmTags(alarm.arn, region, untilThen(deadline)),
    ]);
    events.push(toEvent(alarm, tags, region, account));
  }
  return events;
}

/** As EventBridge would have sent it: it has the name of that event, so that both are one. */
function toEvent(
  { arn, name, reason, sinceMs, description }: SoundingAlarm,
  alarmTags: Readonly<Record<string, string>> | undefined,
  region: string,
  account: string,
): object {
  const time = new Date(sinceMs).toISOString();
  return {
    ...{ source: 'aws.cloudwatch', 'detail-type': 'CloudWatch Alarm State Change', confirmed: true },
    ...{ account, region, time, resources: [arn], id: `sounds since ${time}` },
    detail: {
      ...{ alarmName: name, alarmTags, configuration: { description } },
      state: { value: 'ALARM', reason, timestamp: time },
      previousState: { value: 'OK' },
    },
  };
}
