import type { AlarmNow } from '../aws/alarms.ts';
import type { Connections } from '../aws/connections.ts';
import { LedgerItems } from '../aws/ledger-items.ts';
import { RecordMarks } from '../aws/record-marks.ts';
import type { sendMessages } from '../aws/sqs.ts';
import type { StateTable } from '../aws/state-table.ts';
import type { Clock, Deadline } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { readSignal, type Signal } from '../operations/signal.ts';
import { correlationIdOfKey, isShortenedKey, parseMark } from '../record-queue/life-cycle/mark.ts';
import { phaseOf, tablesWithLife } from '../record-queue/life-cycle/phases.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { listAll } from '../servicenow/pages.ts';
import { toEntry } from './handle-events.ts';
import type { EventMapper } from './map-event.ts';
import type { CompiledMapping } from './mapping.ts';

/** How the sources are asked. */
export type Sources = {
  describeAlarms(
    names: readonly string[],
    region: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, AlarmNow>>;
  getFindings(ids: readonly string[], signal: AbortSignal): Promise<readonly object[]>;
};

export type ReconcileDeps = {
  readonly mapper: EventMapper;
  readonly mappings: readonly CompiledMapping[];
  readonly sources: Sources;
  readonly connect: Connections['connect'];
  /** The names of the deployment's instances. */
  readonly instances: readonly string[];
  readonly signalsQueueUrl: string;
  readonly send: typeof sendMessages;
  readonly deployment: string;
  readonly stateTable: () => StateTable;
  readonly clock: Clock;
  readonly log: Log;
};

/** What one run did. */
export type Reconciliation = {
  /** Open records whose source was asked. */
  readonly asked: number;
  /** Signals that were put on the queue, since the source has recovered. */
  readonly sent: number;
  /** Why some could not be asked. */
  readonly failures: readonly string[];
};

type OpenRecord = { readonly source: string; readonly key: string; readonly instance: string };
/** An event with the present state of a thing. */
type CurrentState = { readonly record: OpenRecord; readonly event: object };

/**
 * Asks the sources about every open record, and sends what differs: heals recoveries that were lost, overtaken or never sent,
 * and alarms that were deleted.
 * @param account the AWS account of the deployment: alarms of others cannot be asked about
 */
export async function reconcile(
  account: string,
  deadline: Deadline,
  deps: ReconcileDeps,
): Promise<Reconciliation> {
  const failures: string[] = [];
  const guard = async <T>(what: string, work: () => Promise<readonly T[]>): Promise<readonly T[]> => {
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : 'unknown';
      deps.log.warn('reconcile-failed', { what, reason });
      failures.push(`${what}: ${reason}`);
      return [];
    }
  };
  const perInstance = deps.instances.map((instance) =>
    guard(`instance ${instance}`, () => openRecords(instance, deadline, deps)),
  );
  const records = (await Promise.all(perInstance)).flat();
  const alarms = records.filter(({ source }) => source === 'cloudwatch-alarm');
  const findings = records.filter(({ source }) => source === 'security-hub');
  const current = [
    ...(await guard('CloudWatch', () => askAlarms(alarms, account, deadline, deps))),
    ...(await guard('Security Hub', () => askFindings(findings, deadline, deps))),
  ];
  const signals = (await Promise.all(current.map((one) => toSignals(one, deps)))).flat();
  const lost = await deps.send(deps.signalsQueueUrl, signals.map(toEntry));
  for (const { reason } of lost) failures.push(`SQS: ${reason}`);
  const asked = alarms.length + findings.length;
  deps.log.info('reconciled', { asked, sent: signals.length - lost.length, failures: failures.length });
  return { asked, sent: signals.length - lost.length, failures };
}

/** The open records of one instance that signals of a source made. */
async function openRecords(
  instance: string,
  deadline: Deadline,
  { mappings, connect, stateTable, deployment, clock }: ReconcileDeps,
): Promise<readonly OpenRecord[]> {
  const { client, instance: config } = connect(instance);
  const items = new LedgerItems(stateTable, clock, deadline);
  const marks = new RecordMarks(items, { deployment, instance: config.name }, clock);
  const found: OpenRecord[] = [];
  const pairs = mappings.flatMap(({ source, target }) =>
    target.filter(({ is }) => tablesWithLife.includes(is)).map(({ is }) => JSON.stringify([source, is])),
  );
  for (const pair of new Set(pairs)) {
    const [source = '', table = ''] = readPair(pair);
    const query = encodedQuery()
      .where('active', '=', 'true')
      .where('correlation_display', 'STARTSWITH', source);
    const fields = ['sys_id', 'state', 'active', 'correlation_id', 'correlation_display'];
    const rows = listAll(client, { table, query, fields, excludeReferenceLink: true }, { deadline });
    for await (const row of rows) {
      const text = (name: string) => String(row[name] ?? '');
      const mark = parseMark(text('correlation_display'));
      // An instance drops a condition on a column that it does not know, and so finds any record.
      if (mark?.source !== source) continue;
      if (phaseOf(table, { state: text('state'), active: text('active') }) !== 'open') continue;
      const { signalKey } = await marks.of(text('sys_id'));
      const key = signalKey || text('correlation_id');
      // Part of a key would be asked about as another thing, one that seems to be gone.
      if (signalKey === '' && isShortenedKey(key)) continue;
      if (correlationIdOfKey(key) === text('correlation_id')) found.push({ source, key, instance });
    }
  }
  return found;
}

function readPair(pair: string): readonly string[] {
  const parsed: unknown = JSON.parse(pair);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

const alarmArn = /^arn:[\w-]+:cloudwatch:(?<region>[\w-]+):(?<account>\d{12}):alarm:(?<name>.+)$/s;

async function askAlarms(
  records: readonly OpenRecord[],
  account: string,
  deadline: Deadline,
  { sources, clock }: ReconcileDeps,
): Promise<readonly CurrentState[]> {
  const known = records.flatMap((record) => {
    const { region = '', account: owner, name = '' } = alarmArn.exec(record.key)?.groups ?? {};
    return owner === account ? [{ record, region, name }] : [];
  });
  const current: CurrentState[] = [];
  for (const [region, members] of Map.groupBy(known, (one) => one.region)) {
    const names = [...new Set(members.map(({ name }) => name))];
    const signal = AbortSignal.timeout(Math.max(1, deadline.remainingMs()));
    const alarms = await sources.describeAlarms(names, region, signal);
    for (const { record, name } of members) {
      const alarm = alarms.get(name);
      if (alarm && alarm.state !== 'OK') continue;
      current.push({ record, event: alarmEvent(record.key, name, region, account, alarm, clock.now()) });
    }
  }
  return current;
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

async function askFindings(
  records: readonly OpenRecord[],
  deadline: Deadline,
  { sources, clock }: ReconcileDeps,
): Promise<readonly CurrentState[]> {
  const byKey = new Map(records.map((record) => [record.key, record]));
  if (byKey.size === 0) return [];
  const signal = AbortSignal.timeout(Math.max(1, deadline.remainingMs()));
  const time = new Date(clock.now()).toISOString();
  return (await sources.getFindings([...byKey.keys()], signal)).flatMap((finding) => {
    const record = byKey.get(String(Object(finding).Id));
    if (!record) return [];
    const { AwsAccountId: account, Region: region, ProductArn: product } = Object(finding);
    const event = {
      ...{ source: 'aws.securityhub', 'detail-type': 'Security Hub Findings - Imported' },
      ...{ account, region, time, id: `now ${time}`, resources: [product], detail: { findings: [finding] } },
    };
    return [{ record, event }];
  });
}

/** Only recoveries of the thing that was asked about: what is still broken has its open record. */
async function toSignals(
  { record, event }: CurrentState,
  { mapper, clock, log }: ReconcileDeps,
): Promise<readonly Signal[]> {
  const nowMs = clock.now();
  try {
    const { elements } = await mapper.map(event, { atMs: nowMs, messageId: `now ${nowMs}` });
    return elements.flatMap((one) => {
      if (!('signal' in one) || one.signal.signal !== 'resolve' || one.signal.key !== record.key) return [];
      // Its own id: the event of the same state may have been held back, and would be a duplicate.
      const eventId = `reconciled ${one.signal.eventId}`.slice(0, 256);
      const confirmed = new Date(nowMs).toISOString();
      return [readSignal({ ...one.signal, eventId, confirmed, instance: record.instance })];
    });
  } catch (error) {
    log.warn('reconcile-unmapped', { source: record.source, reason: String(error) });
    return [];
  }
}
