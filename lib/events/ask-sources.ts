import type { AlarmNow } from '../aws/alarms.ts';
import type { ControlOnResources } from '../aws/findings.ts';
import type { Clock, Deadline } from '../core/clock.ts';

/** How the sources are asked. */
export type Sources = {
  /** By name; of an alarm that is left out nothing is known. */
  describeAlarms(
    names: readonly string[],
    region: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, AlarmNow | 'deleted'>>;
  /** By their ids. */
  getFindings(ids: readonly string[], signal: AbortSignal): Promise<readonly object[]>;
  getFindingsOfControl(of: ControlOnResources, signal: AbortSignal): Promise<readonly object[]>;
  /** In OCSF, by their `metadata.uid`. */
  getFindingsV2(uids: readonly string[], signal: AbortSignal): Promise<readonly unknown[]>;
};

/** An open record, by what made it. */
export type OpenRecord = { readonly source: string; readonly key: string; readonly instance: string };

/** What a source says of the thing of a record, as events: it has recovered when all of them say so. A mapping file knows them by `confirmed`. */
export type Answer = { readonly record: OpenRecord; readonly events: readonly object[] };

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

async function askAlarms(
  records: readonly OpenRecord[],
  account: string,
  { sources, clock, deadline, guard }: Asking,
): Promise<readonly Answer[]> {
  const known = records.flatMap((record) => {
    const { region = '', account: owner, name = '' } = alarmArn.exec(record.key)?.groups ?? {};
    return owner === account ? [{ record, region, name }] : [];
  });
  const answers: Answer[] = [];
  for (const [region, members] of Map.groupBy(known, (one) => one.region)) {
    const names = [...new Set(members.map(({ name }) => name))];
    const ofRegion = await guard(`CloudWatch in ${region}`, async () => {
      const alarms = await sources.describeAlarms(names, region, untilThen(deadline));
      return members.flatMap(({ record, name }) => {
        const alarm = alarms.get(name);
        if (alarm === undefined || (alarm !== 'deleted' && alarm.state !== 'OK')) return [];
        return { record, events: [alarmEvent(record.key, name, region, account, alarm, clock.now())] };
      });
    });
    answers.push(...ofRegion);
  }
  return answers;
}

/** As EventBridge sends it: of an alarm that is OK, or that was deleted. */
function alarmEvent(
  arn: string,
  alarmName: string,
  region: string,
  account: string,
  alarm: AlarmNow | 'deleted',
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
  const time = wholeSecond(clock.now());
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
  if (single.length > 0) {
    const ofFindings = await guard('Security Hub', async () => {
      const findings = await sources.getFindings(
        single.map(({ key }) => key),
        untilThen(deadline),
      );
      return toAnswers(single, findings, (finding) => Object(finding).Id, toEvent);
    });
    answers.push(...ofFindings);
  }
  const groups = Map.groupBy(controls, ({ account, region, control }) => `${account} ${region} ${control}`);
  for (const members of groups.values()) {
    const [first] = members;
    if (!first) continue;
    const resources = members.map(({ resource }) => resource);
    const keyOf = (finding: object) =>
      `${first.account} ${first.region} ${first.control} ${Object(finding).Resources?.[0]?.Id}`;
    const ofControl = await guard(`Security Hub about ${first.control}`, async () => {
      const findings = await sources.getFindingsOfControl({ ...first, resources }, untilThen(deadline));
      return toAnswers(
        members.map(({ record }) => record),
        findings,
        keyOf,
        toEvent,
      );
    });
    answers.push(...ofControl);
  }
  return answers;
}

async function askFindingsV2(
  records: readonly OpenRecord[],
  _account: string,
  { sources, clock, deadline, guard }: Asking,
): Promise<readonly Answer[]> {
  if (records.length === 0) return [];
  const time = wholeSecond(clock.now());
  const toEvent = (finding: unknown) => {
    const { account, region } = Object(finding).cloud ?? {};
    return {
      ...{ source: 'aws.securityhub', 'detail-type': 'Findings Imported V2', account: account?.uid, region },
      ...{ time, id: `now ${time}`, resources: [], detail: { findings: [finding] } },
    };
  };
  return guard('Security Hub V2', async () => {
    const findings = await sources.getFindingsV2(
      records.map(({ key }) => key),
      untilThen(deadline),
    );
    return toAnswers(records, findings, (finding) => Object(finding).metadata?.uid, toEvent);
  });
}

/** A record whose finding is not there any more is left alone: Security Hub forgets findings that are not updated for 90 days. */
function toAnswers<Finding>(
  records: readonly OpenRecord[],
  findings: readonly Finding[],
  keyOf: (finding: Finding) => unknown,
  toEvent: (finding: Finding) => object,
): readonly Answer[] {
  const byKey = Map.groupBy(findings, (finding) => String(keyOf(finding)));
  return records.flatMap((record) => {
    const found = byKey.get(record.key) ?? [];
    return found.length === 0 ? [] : [{ record, events: found.map(toEvent) }];
  });
}

/** As EventBridge writes times: a finding that fails in this very second is not older than this answer. */
function wholeSecond(ms: number): string {
  return new Date(Math.floor(ms / 1_000) * 1_000).toISOString();
}

function untilThen(deadline: Deadline): AbortSignal {
  return AbortSignal.timeout(Math.max(1, deadline.remainingMs()));
}
