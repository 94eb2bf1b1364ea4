import { type AlarmNow, type AlarmPast, maxAlarms, type SoundingAlarm } from '../aws/alarms.ts';
import { type ControlOnResources, partsOf } from '../aws/findings.ts';
import type { Clock, Deadline } from '../core/clock.ts';
import { inParts } from '../core/in-parts.ts';
import type { Mark } from '../record-queue/life-cycle/mark.ts';

/** How the sources are asked. */
export type Sources = {
  /** By name; one that is left out was deleted, or cannot be seen. */
  describeAlarms(
    names: readonly string[],
    region: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, AlarmNow>>;
  alarmPast(name: string, region: string, signal: AbortSignal): Promise<AlarmPast>;
  /** Composite alarms that sound, have a suppressor, and are not suppressed now. */
  unsuppressedAlarms(region: string, signal: AbortSignal): Promise<readonly SoundingAlarm[]>;
  alarmTags(arn: string, region: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** By their ids. */
  getFindings(ids: readonly string[], signal: AbortSignal): Promise<readonly object[]>;
  getFindingsOfControl(of: ControlOnResources, signal: AbortSignal): Promise<readonly object[]>;
  /** In OCSF, by their `metadata.uid`. */
  getFindingsV2(uids: readonly string[], signal: AbortSignal): Promise<readonly unknown[]>;
};

/** An open record, by what made it. */
export type OpenRecord = {
  readonly source: string;
  readonly key: string;
  readonly instance: string;
  readonly mark: Mark;
};

/** What a source says of the thing of a record, as events: it has recovered when all of them say so. A mapping file knows them by `confirmed`. */
export type Answer = {
  readonly record: OpenRecord;
  readonly events: readonly object[];
  /** Before the source was asked: what it reports of a later time is news. */
  readonly askedAtMs: number;
};

/** Runs one question; a failure of it is noted under its name, and the answer is empty. */
export type Guard = <T>(what: string, work: () => Promise<readonly T[]>) => Promise<readonly T[]>;

export type Asking = {
  readonly sources: Sources;
  readonly clock: Clock;
  readonly deadline: Deadline;
  /** Around each question, so that a source that fails in one region takes no answer from the others. */
  readonly guard: Guard;
};

type Ask = (records: readonly OpenRecord[], account: string, asking: Asking) => Promise<readonly Answer[]>;

/** The sources that can be asked, by the source of their records. */
export const askers: Readonly<Record<string, Ask>> = {
  'cloudwatch-alarm': askAlarms,
  'security-hub': askFindings,
  'security-hub-v2': askFindingsV2,
};

const alarmArn = /^arn:[\w-]+:cloudwatch:(?<region>[\w-]+):(?<account>\d{12}):alarm:(?<name>.+)$/s;

type KnownAlarm = { readonly record: OpenRecord; readonly region: string; readonly name: string };

async function askAlarms(
  records: readonly OpenRecord[],
  account: string,
  asking: Asking,
): Promise<readonly Answer[]> {
  const known = records.flatMap((record): readonly KnownAlarm[] => {
    const { region = '', account: owner, name = '' } = alarmArn.exec(record.key)?.groups ?? {};
    return owner === account ? [{ record, region, name }] : [];
  });
  const answers: Answer[] = [];
  for (const [region, members] of Map.groupBy(known, (one) => one.region))
    for (const part of inParts(members, maxAlarms))
      answers.push(...(await askAlarmsOfRegion(part, region, account, asking)));
  return answers;
}

/** DescribeAlarmHistory is allowed for some alarms a second only. */
const pastsAtOnce = 5;

async function askAlarmsOfRegion(
  members: readonly KnownAlarm[],
  region: string,
  account: string,
  { sources, clock, deadline, guard }: Asking,
): Promise<readonly Answer[]> {
  const askedAtMs = clock.now();
  const answerOf = ({ record, name }: KnownAlarm, alarm: Parameters<typeof alarmEvent>[4]): Answer => ({
    ...{ record, askedAtMs },
    events: [alarmEvent(record.key, name, region, account, alarm, askedAtMs)],
  });
  const names = [...new Set(members.map(({ name }) => name))];
  const found = await guard(`CloudWatch in ${region}`, async () => [
    await sources.describeAlarms(names, region, untilThen(deadline)),
  ]);
  const [alarms] = found;
  if (!alarms) return [];
  const answers: Answer[] = [];
  const unclear: KnownAlarm[] = [];
  for (const member of members) {
    const alarm = alarms.get(member.name);
    if (alarm?.state === 'OK') answers.push(answerOf(member, alarm));
    else if (alarm?.state !== 'ALARM') unclear.push(member);
  }
  for (const part of inParts(unclear, pastsAtOnce)) {
    const pasts = part.map((member) =>
      guard(`CloudWatch in ${region} about ${member.name}`, async () => {
        const past = await sources.alarmPast(member.name, region, untilThen(deadline));
        const recovery = recoveryIn(past, alarms.has(member.name), member.record.mark.atMs);
        return recovery === undefined ? [] : [answerOf(member, recovery)];
      }),
    );
    answers.push(...(await Promise.all(pasts)).flat());
  }
  return answers;
}

/**
 * How an alarm has recovered that is neither OK nor in ALARM now. One that is not there was deleted if it has a past; one without data
 * may have been OK before.
 */
function recoveryIn({ isKnown, lastState }: AlarmPast, isThere: boolean, appliedAtMs: number) {
  if (!isThere) return isKnown ? 'deleted' : undefined;
  return lastState?.state === 'OK' && lastState.sinceMs > appliedAtMs ? lastState : undefined;
}

/** As EventBridge sends it: of an alarm that is OK, or that was deleted. */
function alarmEvent(
  arn: string,
  alarmName: string,
  region: string,
  account: string,
  alarm: Pick<AlarmNow, 'state' | 'reason' | 'sinceMs'> | 'deleted',
  nowMs: number,
): object {
  const time = new Date(nowMs).toISOString();
  const common = { source: 'aws.cloudwatch', account, region, time, resources: [arn], id: `now ${time}` };
  if (alarm === 'deleted')
    return {
      ...common,
      'detail-type': 'CloudWatch Alarm Configuration Change',
      detail: { alarmName, operation: 'delete', state: {}, configuration: {} },
    };
  const state = {
    value: alarm.state,
    reason: alarm.reason,
    timestamp: new Date(alarm.sinceMs).toISOString(),
  };
  return {
    ...common,
    'detail-type': 'CloudWatch Alarm State Change',
    detail: { alarmName, state, previousState: { value: 'ALARM' }, configuration: {} },
  };
}

/** The key of a control that several standards report: see mappings/security-hub.yaml. */
const controlKey = /^(?<account>\d{12}) (?<region>\S+) (?<control>\S+) (?<resource>.+)$/s;

async function askFindings(
  records: readonly OpenRecord[],
  _account: string,
  { sources, clock, deadline, guard }: Asking,
): Promise<readonly Answer[]> {
  const askedAtMs = clock.now();
  const time = wholeSecond(askedAtMs);
  const toEvent = (finding: object) => {
    const { AwsAccountId: account, Region: region, ProductArn: product } = Object(finding);
    return {
      ...{ source: 'aws.securityhub', 'detail-type': 'Security Hub Findings - Imported', confirmed: true },
      ...{ account, region, time, id: `now ${time}`, resources: [product], detail: { findings: [finding] } },
    };
  };
  const controls = records.flatMap((record) => {
    const {
      account = '',
      region = '',
      control = '',
      resource = '',
    } = controlKey.exec(record.key)?.groups ?? {};
    return control === '' ? [] : [{ record, account, region, control, resource }];
  });
  const ofControls = new Set(controls.map(({ record }) => record));
  const single = records.filter((record) => !ofControls.has(record));
  const answers: Answer[] = [];
  for (const ids of partsOf(single.map(({ key }) => key))) {
    const ofFindings = await guard('Security Hub', async () => {
      const findings = await sources.getFindings(ids, untilThen(deadline));
      return toAnswers(single, findings, (finding) => Object(finding).Id, { toEvent, askedAtMs });
    });
    answers.push(...ofFindings);
  }
  const groups = Map.groupBy(controls, ({ account, region, control }) => `${account} ${region} ${control}`);
  for (const members of groups.values()) {
    const [first] = members;
    if (!first) continue;
    const keyOf = (finding: object) =>
      `${first.account} ${first.region} ${first.control} ${Object(finding).Resources?.[0]?.Id}`;
    for (const resources of partsOf(members.map(({ resource }) => resource))) {
      const ofControl = await guard(`Security Hub about ${first.control}`, async () => {
        const findings = await sources.getFindingsOfControl({ ...first, resources }, untilThen(deadline));
        const about = members.map(({ record }) => record);
        return toAnswers(about, findings, keyOf, { toEvent, askedAtMs });
      });
      answers.push(...ofControl);
    }
  }
  return answers;
}

async function askFindingsV2(
  records: readonly OpenRecord[],
  _account: string,
  { sources, clock, deadline, guard }: Asking,
): Promise<readonly Answer[]> {
  const askedAtMs = clock.now();
  const time = wholeSecond(askedAtMs);
  const toEvent = (finding: unknown) => {
    const { account, region } = Object(finding).cloud ?? {};
    return {
      ...{ source: 'aws.securityhub', 'detail-type': 'Findings Imported V2', account: account?.uid, region },
      ...{ time, id: `now ${time}`, resources: [], detail: { findings: [finding] } },
    };
  };
  const answers: Answer[] = [];
  for (const uids of partsOf(records.map(({ key }) => key))) {
    const ofFindings = await guard('Security Hub V2', async () => {
      const findings = await sources.getFindingsV2(uids, untilThen(deadline));
      return toAnswers(records, findings, (one) => Object(one).metadata?.uid, { toEvent, askedAtMs });
    });
    answers.push(...ofFindings);
  }
  return answers;
}

/** A record whose finding is not there any more is left alone: Security Hub forgets findings that are not updated for 90 days. */
function toAnswers<Finding>(
  records: readonly OpenRecord[],
  findings: readonly Finding[],
  keyOf: (finding: Finding) => unknown,
  { toEvent, askedAtMs }: { readonly toEvent: (finding: Finding) => object; readonly askedAtMs: number },
): readonly Answer[] {
  const byKey = Map.groupBy(findings, (finding) => String(keyOf(finding)));
  return records.flatMap((record) => {
    const found = byKey.get(record.key) ?? [];
    return found.length === 0 ? [] : [{ record, events: found.map(toEvent), askedAtMs }];
  });
}

/** As EventBridge writes times: a finding that fails in this very second is not older than this answer. */
function wholeSecond(ms: number): string {
  return new Date(Math.floor(ms / 1_000) * 1_000).toISOString();
}

/** Ends a question when the time of its caller is over. */
export function untilThen(deadline: Deadline): AbortSignal {
  return AbortSignal.timeout(Math.max(1, deadline.remainingMs()));
}
