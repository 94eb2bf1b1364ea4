import type { AlarmNow } from '../aws/alarms.ts';
import type { ControlOnResources } from '../aws/findings.ts';
import type { Clock, Deadline } from '../core/clock.ts';

/** How the sources are asked. */
export type Sources = {
  describeAlarms(
    names: readonly string[],
    region: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, AlarmNow>>;
  /** By their ids. */
  getFindings(ids: readonly string[], signal: AbortSignal): Promise<readonly object[]>;
  getFindingsOfControl(of: ControlOnResources, signal: AbortSignal): Promise<readonly object[]>;
  /** In OCSF, by their `metadata.uid`. */
  getFindingsV2(uids: readonly string[], signal: AbortSignal): Promise<readonly unknown[]>;
};

/** An open record, by what made it. */
export type OpenRecord = { readonly source: string; readonly key: string; readonly instance: string };

/** What a source says of the thing of a record, as events: it has recovered when all of them say so. */
export type Answer = { readonly record: OpenRecord; readonly events: readonly object[] };

export type Asking = { readonly sources: Sources; readonly clock: Clock; readonly deadline: Deadline };

type Ask = (records: readonly OpenRecord[], account: string, asking: Asking) => Promise<readonly Answer[]>;

/** The sources that can be asked, by the source of their records, with the name that errors give. */
export const askers: Readonly<Record<string, { readonly service: string; readonly ask: Ask }>> = {
  'cloudwatch-alarm': { service: 'CloudWatch', ask: askAlarms },
  'security-hub': { service: 'Security Hub', ask: askFindings },
  'security-hub-v2': { service: 'Security Hub V2', ask: askFindingsV2 },
};

const alarmArn = /^arn:[\w-]+:cloudwatch:(?<region>[\w-]+):(?<account>\d{12}):alarm:(?<name>.+)$/s;

async function askAlarms(
  records: readonly OpenRecord[],
  account: string,
  { sources, clock, deadline }: Asking,
): Promise<readonly Answer[]> {
  const known = records.flatMap((record) => {
    const { region = '', account: owner, name = '' } = alarmArn.exec(record.key)?.groups ?? {};
    return owner === account ? [{ record, region, name }] : [];
  });
  const answers: Answer[] = [];
  for (const [region, members] of Map.groupBy(known, (one) => one.region)) {
    const names = [...new Set(members.map(({ name }) => name))];
    const alarms = await sources.describeAlarms(names, region, untilThen(deadline));
    for (const { record, name } of members) {
      const alarm = alarms.get(name);
      if (alarm && alarm.state !== 'OK') continue;
      const event = alarmEvent(record.key, name, region, account, alarm, clock.now());
      answers.push({ record, events: [event] });
    }
  }
  return answers;
}

/** As EventBridge sends it: of an alarm that is OK, or that was deleted. */
function alarmEvent(
  arn: string,
  alarmName: string,
  region: string,
  account: string,
  alarm: AlarmNow | undefined,
  nowMs: number,
): object {
  const time = new Date(nowMs).toISOString();
  const common = { source: 'aws.cloudwatch', account, region, time, resources: [arn], id: `now ${time}` };
  if (!alarm)
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
  { sources, clock, deadline }: Asking,
): Promise<readonly Answer[]> {
  const time = new Date(clock.now()).toISOString();
  const toEvent = (finding: object) => {
    const { AwsAccountId: account, Region: region, ProductArn: product } = Object(finding);
    return {
      ...{ source: 'aws.securityhub', 'detail-type': 'Security Hub Findings - Imported' },
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
    const findings = await sources.getFindings(
      single.map(({ key }) => key),
      untilThen(deadline),
    );
    answers.push(...toAnswers(single, findings, (finding) => Object(finding).Id, toEvent));
  }
  const groups = Map.groupBy(controls, ({ account, region, control }) => `${account} ${region} ${control}`);
  for (const members of groups.values()) {
    const [first] = members;
    if (!first) continue;
    const resources = members.map(({ resource }) => resource);
    const findings = await sources.getFindingsOfControl({ ...first, resources }, untilThen(deadline));
    const keyOf = (finding: object) =>
      `${first.account} ${first.region} ${first.control} ${Object(finding).Resources?.[0]?.Id}`;
    answers.push(
      ...toAnswers(
        members.map(({ record }) => record),
        findings,
        keyOf,
        toEvent,
      ),
    );
  }
  return answers;
}

async function askFindingsV2(
  records: readonly OpenRecord[],
  _account: string,
  { sources, clock, deadline }: Asking,
): Promise<readonly Answer[]> {
  if (records.length === 0) return [];
  const time = new Date(clock.now()).toISOString();
  const findings = await sources.getFindingsV2(
    records.map(({ key }) => key),
    untilThen(deadline),
  );
  return toAnswers(
    records,
    findings,
    (finding) => Object(finding).metadata?.uid,
    (finding) => {
      const { account, region } = Object(finding).cloud ?? {};
      return {
        ...{
          source: 'aws.securityhub',
          'detail-type': 'Findings Imported V2',
          account: account?.uid,
          region,
        },
        ...{ time, id: `now ${time}`, resources: [], detail: { findings: [finding] } },
      };
    },
  );
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

function untilThen(deadline: Deadline): AbortSignal {
  return AbortSignal.timeout(Math.max(1, deadline.remainingMs()));
}
