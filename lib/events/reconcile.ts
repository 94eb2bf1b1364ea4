import type { Connections } from '../aws/connections.ts';
import { LedgerItems } from '../aws/ledger-items.ts';
import { RecordMarks } from '../aws/record-marks.ts';
import type { sendMessages } from '../aws/sqs.ts';
import type { StateTable } from '../aws/state-table.ts';
import type { Clock, Deadline } from '../core/clock.ts';
import { InvalidInputError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { reconciledId } from '../operations/event-id.ts';
import { readSignal, type Signal } from '../operations/signal.ts';
import { phaseOf, tablesWithLife } from '../record-queue/life-cycle/decide.ts';
import { correlationIdOfKey, isShortenedKey, parseMark } from '../record-queue/life-cycle/mark.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { listAll } from '../servicenow/pages.ts';
import { type Answer, askers, type Guard, type Sources } from './ask-sources.ts';
import { askSuppressed } from './ask-suppressed.ts';
import { toEntry } from './handle-events.ts';
import type { EventMapper } from './map-event.ts';
import type { Mappings } from './mapping.ts';
import { type HeldRecord, quietSignal } from './quiet-records.ts';

export type ReconcileDeps = Mappings & {
  readonly mapper: EventMapper;
  readonly sources: Sources;
  /** The AWS region of the deployment. */
  readonly region: string;
  readonly connect: Connections['connect'];
  /** The names of the deployment's instances. */
  readonly instances: readonly string[];
  readonly signalsQueueUrl: string;
  readonly send: typeof sendMessages;
  readonly deployment: string;
  readonly stateTable: () => StateTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** What one run did. */
export type Reconciliation = {
  /** Open records whose source was asked. */
  readonly asked: number;
  /** Signals that were put on the queue: the source has recovered, or an alarm that was suppressed sounds. */
  readonly sent: number;
  /** Why some could not be asked. */
  readonly failures: readonly string[];
};

/**
 * Asks the sources about every open record, and sends what differs: heals recoveries that were lost, overtaken or never sent,
 * alarms that were deleted, and composite alarms that still sound after their suppression. Records of other sources that are held open after many reopens are resolved once they are quiet.
 * @param account the AWS account of the deployment: alarms of others cannot be asked about
 */
export async function reconcile(
  account: string,
  deadline: Deadline,
  deps: ReconcileDeps,
): Promise<Reconciliation> {
  const failures: string[] = [];
  const guard: Guard = async (what, work) => {
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : 'unknown';
      deps.log.warn('reconcile-failed', { what, reason });
      failures.push(`${what}: ${reason}`);
      return [];
    }
  };
  let sent = 0;
  // What is known of one source is sent before the next one is asked: time may run out.
  const sendAll = async (signals: readonly Signal[]) => {
    const lost = await guard('SQS', () => deps.send(deps.signalsQueueUrl, signals.map(toEntry)));
    for (const { reason } of lost) failures.push(`SQS: ${reason}`);
    sent += signals.length - lost.length;
  };
  const records = await openRecords(deadline, deps, guard);
  for (const [source, ask] of Object.entries(askers)) {
    const ofSource = records.filter((record) => record.source === source);
    const answers = await ask(ofSource, account, { ...deps, deadline, guard });
    await sendAll((await Promise.all(answers.map((one) => toSignals(one, deps)))).flat());
  }
  const sounding = await askSuppressed(records, account, deps.region, { ...deps, deadline, guard });
  await sendAll((await Promise.all(sounding.map((event) => toOpening(event, deps)))).flat());
  const quiet = (await heldRecords(deadline, deps, guard)).map((one) =>
    quietSignal(one, deps, deps.clock.now()),
  );
  await sendAll(quiet.filter((one) => one !== undefined));
  if (failures.length > 0) deps.metrics.add('ReconcileFailures', failures.length);
  const asked = records.length;
  deps.log.info('reconciled', { asked, sent, failures: failures.length });
  return { asked, sent, failures };
}

/** The open records that signals of a source made, of those that can be asked. */
async function openRecords(
  deadline: Deadline,
  deps: ReconcileDeps,
  guard: Guard,
): Promise<readonly HeldRecord[]> {
  const askable = deps.mappings.filter(({ source }) => Object.hasOwn(askers, source));
  const pairs = askable.flatMap(({ source, target }) =>
    target.filter(({ is }) => tablesWithLife.includes(is)).map(({ is }) => JSON.stringify([source, is])),
  );
  const found = [...new Set(pairs)].map(async (pair) => {
    const [source = '', table = ''] = readPair(pair);
    const listed = await listAllOf(table, ['STARTSWITH', source], deadline, deps, guard);
    // An instance drops a condition on a column that it does not know, and so finds any record.
    return listed.filter((one) => one.source === source);
  });
  return (await Promise.all(found)).flat();
}

/** The open records of the other sources whose last recovery was held back. */
async function heldRecords(
  deadline: Deadline,
  deps: ReconcileDeps,
  guard: Guard,
): Promise<readonly HeldRecord[]> {
  const others = deps.mappings.filter(({ source, life }) => !Object.hasOwn(askers, source) && !life);
  const tables = others.flatMap(({ target }) => target.map(({ is }) => is));
  const found = [...new Set(tables.filter((one) => tablesWithLife.includes(one)))].map((table) =>
    listAllOf(table, ['LIKE', ' held '], deadline, deps, guard),
  );
  return (await Promise.all(found))
    .flat()
    .filter((one) => one.mark.last === 'held' && others.some(({ source }) => source === one.source));
}

/** The open records of a table, of all instances; one that cannot be listed takes nothing from the others. */
async function listAllOf(
  table: string,
  condition: MarkCondition,
  deadline: Deadline,
  deps: ReconcileDeps,
  guard: Guard,
): Promise<readonly HeldRecord[]> {
  const perInstance = deps.instances.map((instance) =>
    guard(`${table} of instance ${instance}`, async () => {
      const { records, unknown } = await list(instance, table, condition, deadline, deps);
      if (unknown > 0)
        await guard(`${table} of instance ${instance}`, () => Promise.reject(new KeyUnknownError(unknown)));
      return records;
    }),
  );
  return (await Promise.all(perInstance)).flat();
}

/** `correlation_id` has no room for a key, and the state table has forgotten it. */
class KeyUnknownError extends Error {
  override readonly name: string = 'KeyUnknownError';

  constructor(records: number) {
    super(`the keys of ${records} open records are not known any more; resolve these by hand`);
  }
}

/** What the mark of a record says. */
type MarkCondition = readonly [operator: 'STARTSWITH' | 'LIKE', text: string];

/** Open records that signals made; of some the key may be unknown. */
async function list(
  instance: string,
  table: string,
  [operator, text]: MarkCondition,
  deadline: Deadline,
  { connect, stateTable, deployment, clock }: ReconcileDeps,
): Promise<{ readonly records: readonly HeldRecord[]; readonly unknown: number }> {
  const { client, instance: config } = connect(instance);
  const items = new LedgerItems(stateTable, clock, deadline);
  const marks = new RecordMarks(items, { deployment, instance: config.name }, clock);
  const query = encodedQuery().where('active', '=', 'true').where('correlation_display', operator, text);
  const fields = ['sys_id', 'state', 'active', 'correlation_id', 'correlation_display'];
  const records: HeldRecord[] = [];
  let unknown = 0;
  const rows = listAll(client, { table, query, fields, excludeReferenceLink: true }, { deadline });
  for await (const row of rows) {
    const textOf = (name: string) => String(row[name] ?? '');
    const mark = parseMark(textOf('correlation_display'));
    if (!mark || phaseOf(table, { state: textOf('state'), active: textOf('active') }) !== 'open') continue;
    const correlationId = textOf('correlation_id');
    const isShortened = isShortenedKey(correlationId);
    // Part of a key would be asked about as another thing, one that seems to be gone.
    const key = isShortened ? await marks.signalKeyOf(textOf('sys_id')) : correlationId;
    if (key === '' && isShortened) unknown += 1;
    else if (correlationIdOfKey(key) === correlationId)
      records.push({ source: mark.source, key, instance, table, mark });
  }
  return { records, unknown };
}

function readPair(pair: string): readonly string[] {
  const parsed: unknown = JSON.parse(pair);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

/** Only recoveries of the thing that was asked about: what is still broken has its open record. */
async function toSignals(
  { record, events, askedAtMs }: Answer,
  { mapper, log }: ReconcileDeps,
): Promise<readonly Signal[]> {
  try {
    const mapped = await Promise.all(
      events.map((event) => mapper.map(event, { atMs: askedAtMs, messageId: `now ${askedAtMs}` })),
    );
    const signals = mapped.map(({ elements: [one] }) => (one && 'signal' in one ? one.signal : undefined));
    const [first] = signals;
    // Several findings may report one thing: it has recovered once none of them reports it as broken.
    if (!first || !signals.every((one) => one?.signal === 'resolve' && one.key === record.key)) return [];
    // Its own id: the event of the same state may have been held back, and would be a duplicate; so would the last report of that.
    const isHeld = record.mark.last === 'held';
    const eventId = reconciledId(isHeld ? `held ${first.eventId}` : first.eventId);
    const confirmed = new Date(askedAtMs).toISOString();
    // The source was asked after the last state was applied, so that it knows of it, whatever time that had.
    const at = new Date(Math.max(Date.parse(first.at), Math.min(record.mark.atMs, askedAtMs))).toISOString();
    return [readSignal({ ...first, at, eventId, confirmed, instance: record.instance })];
  } catch (error) {
    log.warn('reconcile-unmapped', { source: record.source, reason: String(error) });
    return [];
  }
}

/** Only what opens a record: the mapping files may ignore the alarm, or map none of its events. */
async function toOpening(event: object, { mapper, clock, log }: ReconcileDeps): Promise<readonly Signal[]> {
  try {
    const { mapping, elements } = await mapper.map(event, { atMs: clock.now(), messageId: 'reconciled' });
    if (!Object.hasOwn(askers, mapping.source)) return [];
    return elements.flatMap((one) => ('signal' in one && one.signal.signal === 'open' ? [one.signal] : []));
  } catch (error) {
    if (!(error instanceof InvalidInputError)) log.warn('reconcile-unmapped', { reason: String(error) });
    return [];
  }
}
