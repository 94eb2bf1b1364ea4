import type { Connections } from '../aws/connections.ts';
import { LedgerItems } from '../aws/ledger-items.ts';
import { RecordMarks } from '../aws/record-marks.ts';
import type { sendMessages } from '../aws/sqs.ts';
import type { StateTable } from '../aws/state-table.ts';
import type { Clock, Deadline } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { reconciledId } from '../operations/event-id.ts';
import { readSignal, type Signal } from '../operations/signal.ts';
import { phaseOf, tablesWithLife } from '../record-queue/life-cycle/decide.ts';
import { correlationIdOfKey, isShortenedKey, parseMark } from '../record-queue/life-cycle/mark.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { listAll } from '../servicenow/pages.ts';
import { type Answer, askers, type Guard, type OpenRecord, type Sources } from './ask-sources.ts';
import { toEntry } from './handle-events.ts';
import type { EventMapper } from './map-event.ts';
import type { Mappings } from './mapping.ts';
import { type HeldRecord, quietSignal } from './quiet-records.ts';

export type ReconcileDeps = Mappings & {
  readonly mapper: EventMapper;
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
  readonly metrics: Metrics;
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

/**
 * Asks the sources about every open record, and sends what differs: heals recoveries that were lost, overtaken or never sent,
 * and alarms that were deleted. Records of other sources that are held open after many reopens are resolved once they are quiet.
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
  const perInstance = deps.instances.map((instance) =>
    guard(`instance ${instance}`, () => openRecords(instance, deadline, deps)),
  );
  const records = (await Promise.all(perInstance)).flat();
  const answers: Answer[] = [];
  let asked = 0;
  for (const [source, ask] of Object.entries(askers)) {
    const ofSource = records.filter((record) => record.source === source);
    asked += ofSource.length;
    answers.push(...(await ask(ofSource, account, { ...deps, deadline, guard })));
  }
  const held = deps.instances.map((instance) =>
    guard(`instance ${instance}`, () => heldRecords(instance, deadline, deps)),
  );
  const quiet = (await Promise.all(held)).flat().map((one) => quietSignal(one, deps, deps.clock.now()));
  const recovered = (await Promise.all(answers.map((one) => toSignals(one, deps)))).flat();
  const signals = [...recovered, ...quiet.filter((one) => one !== undefined)];
  const lost = await deps.send(deps.signalsQueueUrl, signals.map(toEntry));
  for (const { reason } of lost) failures.push(`SQS: ${reason}`);
  if (failures.length > 0) deps.metrics.add('ReconcileFailures', failures.length);
  deps.log.info('reconciled', { asked, sent: signals.length - lost.length, failures: failures.length });
  return { asked, sent: signals.length - lost.length, failures };
}

/** The open records of one instance that signals of a source made, of those that can be asked. */
async function openRecords(
  instance: string,
  deadline: Deadline,
  deps: ReconcileDeps,
): Promise<readonly OpenRecord[]> {
  const found: OpenRecord[] = [];
  const askable = deps.mappings.filter(({ source }) => Object.hasOwn(askers, source));
  const pairs = askable.flatMap(({ source, target }) =>
    target.filter(({ is }) => tablesWithLife.includes(is)).map(({ is }) => JSON.stringify([source, is])),
  );
  for (const pair of new Set(pairs)) {
    const [source = '', table = ''] = readPair(pair);
    // An instance drops a condition on a column that it does not know, and so finds any record.
    for await (const one of listed(instance, table, ['STARTSWITH', source], deadline, deps))
      if (one.source === source) found.push(one);
  }
  return found;
}

/** The open records of the other sources whose last recovery was held back. */
async function heldRecords(
  instance: string,
  deadline: Deadline,
  deps: ReconcileDeps,
): Promise<readonly HeldRecord[]> {
  const found: HeldRecord[] = [];
  const others = deps.mappings.filter(({ source, life }) => !Object.hasOwn(askers, source) && !life);
  const tables = others.flatMap(({ target }) => target.map(({ is }) => is));
  for (const table of new Set(tables.filter((one) => tablesWithLife.includes(one))))
    for await (const one of listed(instance, table, ['LIKE', ' held '], deadline, deps))
      if (one.mark.last === 'held' && others.some(({ source }) => source === one.source)) found.push(one);
  return found;
}

/** Open records that signals made, by what their mark says. */
async function* listed(
  instance: string,
  table: string,
  [operator, text]: readonly ['STARTSWITH' | 'LIKE', string],
  deadline: Deadline,
  { connect, stateTable, deployment, clock }: ReconcileDeps,
): AsyncGenerator<HeldRecord> {
  const { client, instance: config } = connect(instance);
  const items = new LedgerItems(stateTable, clock, deadline);
  const marks = new RecordMarks(items, { deployment, instance: config.name }, clock);
  const query = encodedQuery().where('active', '=', 'true').where('correlation_display', operator, text);
  const fields = ['sys_id', 'state', 'active', 'correlation_id', 'correlation_display'];
  const rows = listAll(client, { table, query, fields, excludeReferenceLink: true }, { deadline });
  for await (const row of rows) {
    const textOf = (name: string) => String(row[name] ?? '');
    const mark = parseMark(textOf('correlation_display'));
    if (!mark || phaseOf(table, { state: textOf('state'), active: textOf('active') }) !== 'open') continue;
    const { signalKey } = await marks.of(textOf('sys_id'));
    const key = signalKey || textOf('correlation_id');
    // Part of a key would be asked about as another thing, one that seems to be gone.
    if (signalKey === '' && isShortenedKey(key)) continue;
    if (correlationIdOfKey(key) === textOf('correlation_id'))
      yield { source: mark.source, key, instance, table, mark };
  }
}

function readPair(pair: string): readonly string[] {
  const parsed: unknown = JSON.parse(pair);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

/** Only recoveries of the thing that was asked about: what is still broken has its open record. */
async function toSignals(
  { record, events }: Answer,
  { mapper, clock, log }: ReconcileDeps,
): Promise<readonly Signal[]> {
  const nowMs = clock.now();
  try {
    const mapped = await Promise.all(
      events.map((event) => mapper.map(event, { atMs: nowMs, messageId: `now ${nowMs}` })),
    );
    const signals = mapped.map(({ elements: [one] }) => (one && 'signal' in one ? one.signal : undefined));
    const [first] = signals;
    // Several findings may report one thing: it has recovered once none of them reports it as broken.
    if (!first || !signals.every((one) => one?.signal === 'resolve' && one.key === record.key)) return [];
    // Its own id: the event of the same state may have been held back, and would be a duplicate.
    const eventId = reconciledId(first.eventId);
    const confirmed = new Date(nowMs).toISOString();
    return [readSignal({ ...first, eventId, confirmed, instance: record.instance })];
  } catch (error) {
    log.warn('reconcile-unmapped', { source: record.source, reason: String(error) });
    return [];
  }
}
