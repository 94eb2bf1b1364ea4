import type { Connections } from '../aws/connections.ts';
import type { StateTable } from '../aws/state-table.ts';
import type { Clock, Deadline } from '../core/clock.ts';
import { allowsTable, type InstanceConfig, type RecordsConfig } from '../core/config.ts';
import { ConnectorError, TableNotAllowedError } from '../core/errors.ts';
import { JournalColumns } from '../operations/dictionary.ts';
import type { ServiceNowClient } from '../servicenow/call.ts';
import type { ServiceNowError } from '../servicenow/service-now-error.ts';
import { batchSender, type Sender, singleSender } from './batch-executor.ts';
import { mayLackKey, takeKey } from './dead-letter.ts';
import { isPermanent, outageIn, type WriteResult } from './disposition.ts';
import { type RecordCommand, readCommand } from './message.ts';
import type { QueuedMessage } from './sqs-event.ts';
import { ReferenceCache } from './writes/references.ts';

/** What came of each message. */
export type Results = Map<QueuedMessage, WriteResult>;

/** What a process keeps for each instance between invocations. */
export type InstanceLink = {
  readonly instance: InstanceConfig;
  readonly client: ServiceNowClient;
  readonly sender: Sender;
  readonly outage: OutageMemory;
  readonly journals: JournalColumns;
  readonly references: ReferenceCache;
  readonly ignoringTables: Set<string>;
  readonly honouringTables: Set<string>;
  readonly shownColumns: Set<string>;
};

export type LinkTo = (instance: InstanceConfig, client: ServiceNowClient) => InstanceLink;

/** Opens each instance once. */
export function createLinks({
  settings,
  clock,
}: {
  readonly settings: RecordsConfig;
  readonly clock: Clock;
}): LinkTo {
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
      honouringTables: new Set<string>(),
      shownColumns: new Set<string>(),
    };
    links.set(client, link);
    return link;
  };
}

type Resolving = {
  readonly connect: Connections['connect'];
  readonly linkTo: LinkTo;
  /** Receives the results of the messages that are not returned. */
  readonly results: Results;
};

type Recalling = {
  readonly stateTable: () => StateTable;
  readonly deployment: string;
  readonly trustedSenders?: readonly string[] | undefined;
};

/**
 * Gives those messages their keys that came back from the dead-letter queue without room for one.
 * @param results receives the errors of messages whose key could not be looked up
 */
export async function recallKeys(
  messages: readonly QueuedMessage[],
  { stateTable, deployment, trustedSenders = [] }: Recalling,
  results: Results,
  deadline: Deadline,
): Promise<readonly QueuedMessage[]> {
  const recalls = messages.map(async (message): Promise<QueuedMessage> => {
    if (!mayLackKey(message)) return message;
    try {
      const recalledKey = await takeKey(message, stateTable(), deployment, trustedSenders, deadline);
      return recalledKey === undefined ? message : { ...message, recalledKey };
    } catch (error) {
      results.set(message, { error, tried: true });
      return message;
    }
  });
  return Promise.all(recalls);
}

type Resolved = { readonly command: RecordCommand; readonly link: InstanceLink };

/** Nothing was tried: an earlier message of the same group is for another instance, or comes back. */
class GroupWaitsError extends ConnectorError {
  override readonly name: string = 'GroupWaitsError';
  override readonly code = 'GROUP_WAITS';
  override readonly retryable = true;
  override readonly retryAfterMs: number | undefined;

  /** @param waitMs for how long it waits; without it as long as after a failure */
  constructor(message: string, waitMs?: number) {
    super(message);
    this.retryAfterMs = waitMs;
  }
}

/** A group that goes back and forth between instances has one message written each time that it is received. */
const otherInstanceMs = 1_000;

/**
 * Reads messages and finds their instances, of those that have no result yet. A message that can never be used gets its result here and
 * affects no other. Of a FIFO group only what comes before the first message that comes back is returned, or it would be overtaken, and
 * before the first for another instance: instances are written to in parallel.
 */
export function resolveInstances(
  messages: readonly QueuedMessage[],
  { connect, linkTo, results }: Resolving,
): readonly Resolved[] {
  const links = new Map<string, InstanceLink>();
  const waits = new Map<string, GroupWaitsError>();
  return messages.flatMap((message) => {
    const resolved = results.has(message)
      ? undefined
      : resolveInstance(message, { connect, linkTo, results });
    const { groupId } = message;
    if (groupId === undefined) return resolved ?? [];
    if (!resolved) {
      if (comesBack(results.get(message)) && !waits.has(groupId))
        waits.set(groupId, new GroupWaitsError('waits for an earlier message of its group'));
      return [];
    }
    const link = links.get(groupId) ?? resolved.link;
    links.set(groupId, link);
    if (link !== resolved.link && !waits.has(groupId))
      waits.set(
        groupId,
        new GroupWaitsError('an earlier message of its group is for another instance', otherInstanceMs),
      );
    const error = waits.get(groupId);
    if (!error) return resolved;
    results.set(message, { error, tried: false });
    return [];
  });
}

function comesBack(result: WriteResult | undefined): boolean {
  return result !== undefined && 'error' in result && !isPermanent(result.error);
}

function resolveInstance(
  message: QueuedMessage,
  { connect, linkTo, results }: Resolving,
): Resolved | undefined {
  try {
    const command = readCommand(message);
    const { table, instance: name } = command.command;
    const { instance, client } = connect(name);
    if (!allowsTable(instance, table)) throw new TableNotAllowedError(table);
    return { command, link: linkTo(instance, client) };
  } catch (error) {
    results.set(message, { error, tried: true });
    return undefined;
  }
}

/** What a process remembers of an instance that was down, so that a long queue does not call it for every batch. */
type OutageMemory = {
  /** The error that the next call would most likely meet too; undefined when it is time to try. */
  current(): ServiceNowError | undefined;
  /** Learns from the results of writes. */
  observe(results: Iterable<WriteResult>): void;
};

/** However long or short the instance asked for. After the longest, one batch tries again. */
const shortestPauseMs = 1_000;
const longestPauseMs = 60_000;

/** @param pauseMs for how long nothing is sent, unless the instance said how long */
function createOutageMemory(pauseMs: number, clock: Clock): OutageMemory {
  let last: { readonly error: ServiceNowError; readonly untilMs: number } | undefined;
  return {
    current: () => (last && clock.now() < last.untilMs ? last.error : undefined),
    observe(results) {
      const [error] = [...results].flatMap((result) =>
        'error' in result ? (outageIn(result.error) ?? []) : [],
      );
      const waitMs = Math.min(Math.max(error?.retryAfterMs ?? pauseMs, shortestPauseMs), longestPauseMs);
      last = error && { error, untilMs: clock.now() + waitMs };
    },
  };
}
