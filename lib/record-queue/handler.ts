import type { Connections } from '../aws/connections.ts';
import { EffectLedger } from '../aws/effect-ledger.ts';
import type { StateTable } from '../aws/state-table.ts';
import { type Clock, type Deadline, deadlineAt } from '../core/clock.ts';
import { allowsTable, type RecordsConfig } from '../core/config.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { deriveSysId, identityBy } from '../operations/identity.ts';
import type { Outcomes } from '../outcomes/outcomes.ts';
import { acknowledge, type Queues } from './acknowledge.ts';
import { BatchExecutor, type Call } from './batch-executor.ts';
import { disposeOf, isPermanent, type WriteResult } from './disposition.ts';
import { withFirstOrigins } from './first-sender.ts';
import type { RecordCommand } from './message.ts';
import { type Naming, RecordOrder, toSequences } from './ordering.ts';
import {
  createLinks,
  type InstanceLink,
  type LinkTo,
  type Results,
  recallKeys,
  resolveInstances,
} from './resolve.ts';
import { type BatchResponse, type Invocation, type QueuedMessage, readSqsEvent } from './sqs-event.ts';
import { checkMade } from './writes/deleted-records.ts';
import { thoseThatFind } from './writes/match.ts';
import type { WriteContext } from './writes/write-context.ts';
import { ledgerNeeds, writeRecord } from './writes/write-record.ts';

/** What the function needs from outside. */
export type RecordQueueDeps = {
  readonly connect: Connections['connect'];
  readonly queues: Queues;
  readonly settings: RecordsConfig;
  /** Service and stage: keys are scoped by it. */
  readonly deployment: string;
  /** Remembers what messages did. @throws ConfigurationError where it is not configured */
  readonly stateTable: () => StateTable;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly outcomes?: Reporter | undefined;
  /** The column in which senders are written down; absent for none. */
  readonly callerColumn?: string | undefined;
  /** Ids of roles and users whose messages say who sent them first. @default none */
  readonly trustedSenders?: readonly string[] | undefined;
};

type Reporter = Pick<Outcomes, 'report'>;

/** Kept back to report to SQS and Lambda, and before that to reconcile with the instance and the ledger. */
const reportingTimeMs = 2_000;
const reconcilingTimeMs = 5_000;
/** The last of it is for the answer itself: without that even what is done is received again. */
const answeringTimeMs = 500;

/** Requests in flight to an instance: it serves four of a user at a time (docs/servicenow-contract.md 8.2). */
const maxInFlight = 4;

/** Makes the handler of `write-records`: messages in, records on the instance, exactly the unfinished ids out. */
export function createRecordWriter(deps: RecordQueueDeps) {
  const linkTo = createLinks(deps);
  for (const setting of deps.settings.deprecatedSettings)
    deps.log.warn('setting-deprecated', { setting, use: setting.replace('PARK', 'RETRY') });
  return async (event: unknown, invocation: Invocation): Promise<BatchResponse> => {
    const results: Results = new Map();
    const read = readSqsEvent(event, deps.clock.now());
    const received = withFirstOrigins(read, deps.trustedSenders ?? []);
    const times = deadlines(invocation, deps.clock);
    const messages = await recallKeys(received, deps, results, times.reconcileUntil);
    await writeAll(messages, { ...times, invocation, deps }, linkTo, results);
    const { settings, clock, random } = deps;
    const disposed = messages.map((message) => {
      const result = results.get(message) ?? { error: new Error('no result'), tried: false };
      return { message, disposition: disposeOf(message, result, settings, clock.now(), random) };
    });
    const timeoutMs = timeToReport(invocation);
    const unfinished = await acknowledge(disposed, invocation.awsRequestId, { ...deps, timeoutMs });
    return { batchItemFailures: unfinished.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

/** How long SQS may take, in milliseconds; a queue that cannot be reached must not cost the whole batch. */
function timeToReport(invocation: Invocation): number {
  const remainingMs = invocation.getRemainingTimeInMillis();
  return Math.max(0, Math.floor(remainingMs - Math.min(answeringTimeMs, remainingMs / 4)));
}

async function writeAll(
  messages: readonly QueuedMessage[],
  run: Run,
  linkTo: LinkTo,
  results: Results,
): Promise<void> {
  const { connect, outcomes } = run.deps;
  const resolved = resolveInstances(messages, { connect, linkTo, results });
  const runs = [...Map.groupBy(resolved, ({ link }) => link)].map(async ([link, members]) => {
    const commands = members.map(({ command }) => command);
    const ended = await writeToInstance(commands, link, run);
    for (const [command, result] of ended) {
      results.set(command.message, result);
      reportSignal(command, result, outcomes);
    }
  });
  await Promise.all(runs);
}

function reportSignal({ command, message }: RecordCommand, result: WriteResult, outcomes?: Reporter): void {
  if (command.action !== 'signal' || !('done' in result)) return;
  const { key, signal } = command.signal;
  const { messageId } = message;
  outcomes?.report({
    type: 'Signal Applied',
    messageId,
    table: command.table,
    key,
    signal,
    verdict: result.done,
  });
}

type Run = {
  readonly workUntil: Deadline;
  readonly reconcileUntil: Deadline;
  readonly invocation: Invocation;
  readonly deps: RecordQueueDeps;
};

type CommandResults = Map<RecordCommand, WriteResult>;

/** Writes to one instance, unless it was down a moment ago: then nothing is sent. */
async function writeToInstance(
  commands: readonly RecordCommand[],
  link: InstanceLink,
  run: Run,
): Promise<CommandResults> {
  const outage = link.outage.current();
  if (outage !== undefined)
    return new Map(commands.map((command) => [command, { error: outage, tried: false }]));
  const results: CommandResults = new Map();
  const { deployment, settings } = run.deps;
  const naming = { deployment, identityOf: identityBy(deployment, settings.correlationIdTables) };
  const order = new RecordOrder(commands);
  const context = openContext(commands, link, naming, order, run);
  const sequences = toSequences(commands, naming);
  await Promise.all(sequences.map((sequence) => writeSequence(sequence, context, order, results)));
  const again = await checkMade(context);
  for (const command of commands) {
    const error = again.get(command.message);
    if (error) results.set(command, { ...error, tried: true });
  }
  link.outage.observe(results.values());
  return results;
}

/** Writes one command after the other. After a failure that may pass, what comes later in the sequence is not started. */
async function writeSequence(
  sequence: readonly RecordCommand[],
  context: WriteContext,
  order: RecordOrder,
  results: CommandResults,
): Promise<void> {
  let failed: { readonly error: unknown } | undefined;
  for (const [index, command] of sequence.entries()) {
    order.begin(command, index > 0);
    const result: WriteResult = failed ? { ...failed, tried: false } : await tryToWrite(command, context);
    results.set(command, result);
    order.end(command);
    if ('error' in result && !isPermanent(result.error)) failed ??= { error: result.error };
  }
}

async function tryToWrite(command: RecordCommand, context: WriteContext): Promise<WriteResult> {
  try {
    return { done: await writeRecord(command, context) };
  } catch (error) {
    return { error, tried: true };
  }
}

/** For so long what was read of a record as the batch began counts as it is. */
const staleMs = 1_000;

function openContext(
  commands: readonly RecordCommand[],
  link: InstanceLink,
  naming: Naming,
  order: RecordOrder,
  { workUntil, reconcileUntil, invocation, deps }: Run,
): WriteContext {
  const { clock, settings, deployment, log } = deps;
  const correlationId = invocation.awsRequestId;
  const beganMs = clock.now();
  const executor = new BatchExecutor({
    sender: link.sender,
    workUntil,
    reconcileUntil,
    correlationId,
    maxInFlight,
  });
  const send = (call: Call) => executor.send(call);
  const sysIdOf = (table: string, key: string) => deriveSysId(deployment, table, key);
  const scope = { deployment, instance: link.instance.name, sysIdOf };
  const ledger = new EffectLedger(deps.stateTable, scope, clock, reconcileUntil);
  const needs = ledgerNeeds(commands, naming, clock);
  ledger.readAhead(needs.work, needs.sysIds);
  return {
    send,
    ledger,
    naming,
    journals: link.journals,
    references: link.references,
    allowsTable: (table) => allowsTable(link.instance, table),
    ignoringTables: link.ignoringTables,
    honouringTables: link.honouringTables,
    shownColumns: link.shownColumns,
    made: [],
    waitForTurn: (command, sysId) =>
      order.waitForTurn(command, sysId, (upserts) => thoseThatFind(upserts, sysId, send)),
    isLate: (command) => order.isFollower(command) || clock.now() - beganMs > staleMs,
    clock,
    log,
    inDoubtMs: settings.inDoubtSeconds * 1000,
    callContext: { deadline: workUntil, correlationId },
    callerColumn: deps.callerColumn,
  };
}

function deadlines(invocation: Invocation, clock: Clock) {
  const remainingMs = invocation.getRemainingTimeInMillis();
  const reconcileUntilMs = clock.now() + remainingMs - Math.min(reportingTimeMs, remainingMs / 4);
  const workUntilMs = reconcileUntilMs - Math.min(reconcilingTimeMs, remainingMs / 4);
  return { workUntil: deadlineAt(workUntilMs, clock), reconcileUntil: deadlineAt(reconcileUntilMs, clock) };
}
