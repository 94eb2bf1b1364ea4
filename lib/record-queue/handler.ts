import type { Connections } from '../aws/connections.ts';
import { EffectLedger } from '../aws/effect-ledger.ts';
import type { StateTable } from '../aws/state-table.ts';
import type { Clock } from '../core/clock.ts';
import { allowsTable, type InstanceConfig, type RecordsConfig } from '../core/config.ts';
import { type Deadline, deadlineAt } from '../core/deadline.ts';
import { ConnectorError, TableNotAllowedError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { identityBy } from '../operations/identity.ts';
import { JournalColumns } from '../operations/journal-columns.ts';
import type { Outcomes } from '../outcomes/outcomes.ts';
import type { ServiceNowClient } from '../servicenow/call.ts';
import { acknowledge, type Queues } from './acknowledge.ts';
import { BatchExecutor, batchSender, type Sender, singleSender } from './batch-executor.ts';
import { mayLackKey, recallReasons } from './dead-letter.ts';
import { disposeOf, isPermanent, type WriteResult } from './disposition.ts';
import { type RecordCommand, readCommand } from './message.ts';
import { type Naming, RecordOrder, toSequences } from './ordering.ts';
import { createOutageMemory, type OutageMemory } from './outage-memory.ts';
import { type BatchResponse, type Invocation, type QueuedMessage, readSqsEvent } from './sqs-event.ts';
import type { WriteContext } from './writes/attempt.ts';
import { ReferenceCache } from './writes/references.ts';
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
  readonly outcomes?: Pick<Outcomes, 'report'>;
};

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
    const messages = readSqsEvent(event);
    const results = await writeAll(messages, invocation, deps, linkTo);
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

/** What a process keeps for each instance between invocations. */
type InstanceLink = {
  readonly instance: InstanceConfig;
  readonly client: ServiceNowClient;
  readonly sender: Sender;
  readonly outage: OutageMemory;
  readonly journals: JournalColumns;
  readonly references: ReferenceCache;
  readonly ignoringTables: Set<string>;
};

type LinkTo = (instance: InstanceConfig, client: ServiceNowClient) => InstanceLink;

function createLinks({ settings, clock }: RecordQueueDeps): LinkTo {
  const links = new WeakMap<ServiceNowClient, InstanceLink>();
  return (instance, client) => {
    const known = links.get(client);
    if (known) return known;
    const link = {
      instance,
      client,
      sender: settings.batchApi ? batchSender(client) : singleSender(client),
      outage: createOutageMemory(settings.firstDelaySeconds * 1000, clock),
      journals: new JournalColumns(client, clock),
      references: new ReferenceCache(clock),
      ignoringTables: new Set<string>(),
    };
    links.set(client, link);
    return link;
  };
}

type Results = Map<QueuedMessage, WriteResult>;

async function writeAll(
  messages: readonly QueuedMessage[],
  invocation: Invocation,
  deps: RecordQueueDeps,
  linkTo: LinkTo,
): Promise<Results> {
  const results: Results = new Map();
  const recalled = await recallKeys(messages, deps, results);
  const open = messages.filter((message) => !results.has(message));
  const resolved = resolveInstances(open, recalled, { connect: deps.connect, linkTo, results });
  const times = deadlines(invocation, deps.clock);
  const runs = [...Map.groupBy(resolved, ({ link }) => link)].map(async ([link, members]) => {
    const commands = members.map(({ command }) => command);
    const ended = await writeToInstance(commands, link, { ...times, invocation, deps });
    for (const [command, result] of ended) results.set(command.message, result);
  });
  await Promise.all(runs);
  return results;
}

type Resolving = {
  readonly connect: Connections['connect'];
  readonly linkTo: LinkTo;
  /** Receives the results of the messages that are not returned. */
  readonly results: Results;
};

/**
 * The keys of messages that came back from the dead-letter queue so large that there was no room for a key. Two with the same
 * body cannot be distinguished, so that they get none.
 */
async function recallKeys(
  messages: readonly QueuedMessage[],
  { stateTable, deployment }: RecordQueueDeps,
  results: Results,
): Promise<ReadonlyMap<QueuedMessage, string>> {
  const keys = new Map<QueuedMessage, string>();
  const recalls = messages.filter(mayLackKey).map(async (message) => {
    try {
      const reasons = await recallReasons(message.body, stateTable(), deployment);
      const [only] = reasons;
      if (only && reasons.length === 1) keys.set(message, only.key);
    } catch (error) {
      results.set(message, { error, tried: true });
    }
  });
  await Promise.all(recalls);
  return keys;
}

type Resolved = { readonly command: RecordCommand; readonly link: InstanceLink };

/** Nothing was tried: an earlier message of the same group is for another instance. */
class GroupWaitsError extends ConnectorError {
  override readonly name: string = 'GroupWaitsError';
  override readonly code = 'GROUP_WAITS';
  override readonly retryable = true;
}

/**
 * Reads messages and finds their instances. A message that cannot be used gets its result here and affects no other. Of a
 * FIFO group that is for several instances only what comes before the first change is returned: instances are written to in
 * parallel.
 */
function resolveInstances(
  messages: readonly QueuedMessage[],
  recalled: ReadonlyMap<QueuedMessage, string>,
  { connect, linkTo, results }: Resolving,
): readonly Resolved[] {
  const links = new Map<string, InstanceLink | 'several'>();
  return messages.flatMap((message) => {
    const resolved = resolveInstance(message, recalled.get(message), { connect, linkTo, results });
    const { groupId } = message;
    if (!resolved || groupId === undefined) return resolved ?? [];
    const before = links.get(groupId) ?? resolved.link;
    links.set(groupId, before === resolved.link ? before : 'several');
    if (before === resolved.link) return resolved;
    const error = new GroupWaitsError('an earlier message of its group is for another instance');
    results.set(message, { error, tried: false });
    return [];
  });
}

function resolveInstance(
  message: QueuedMessage,
  recalledKey: string | undefined,
  { connect, linkTo, results }: Resolving,
): Resolved | undefined {
  try {
    const command = readCommand(message, recalledKey);
    const { table, instance: name } = command.command;
    const { instance, client } = connect(name);
    if (!allowsTable(instance, table)) throw new TableNotAllowedError(table);
    return { command, link: linkTo(instance, client) };
  } catch (error) {
    results.set(message, { error, tried: true });
    return undefined;
  }
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
  for (const command of sequence) {
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

function openContext(
  commands: readonly RecordCommand[],
  link: InstanceLink,
  naming: Naming,
  order: RecordOrder,
  { workUntil, reconcileUntil, invocation, deps }: Run,
): WriteContext {
  const { clock, settings, deployment, log } = deps;
  const correlationId = invocation.awsRequestId;
  const executor = new BatchExecutor({
    sender: link.sender,
    workUntil,
    reconcileUntil,
    correlationId,
    maxInFlight,
  });
  const scope = { deployment, instance: link.instance.name };
  const ledger = new EffectLedger(deps.stateTable, scope, clock, reconcileUntil);
  const needs = ledgerNeeds(commands, naming);
  ledger.readAhead(needs.work, needs.sysIds);
  return {
    send: (call) => executor.send(call),
    ledger,
    naming,
    journals: link.journals,
    references: link.references,
    allowsTable: (table) => allowsTable(link.instance, table),
    ignoringTables: link.ignoringTables,
    waitForTurn: (command, sysId) => order.waitForTurn(command, sysId),
    clock,
    log,
    inDoubtMs: settings.inDoubtSeconds * 1000,
    callContext: { deadline: workUntil, correlationId },
  };
}

function deadlines(invocation: Invocation, clock: Clock) {
  const remainingMs = invocation.getRemainingTimeInMillis();
  const reconcileUntilMs = clock.now() + remainingMs - Math.min(reportingTimeMs, remainingMs / 4);
  const workUntilMs = reconcileUntilMs - Math.min(reconcilingTimeMs, remainingMs / 4);
  return { workUntil: deadlineAt(workUntilMs, clock), reconcileUntil: deadlineAt(reconcileUntilMs, clock) };
}
