import type { Connections } from '../aws/connections.ts';
import { allowsTable } from '../core/config.ts';
import { ConnectorError, TableNotAllowedError } from '../core/errors.ts';
import type { ServiceNowClient } from '../servicenow/call.ts';
import type { Outcome } from './rounds.ts';
import type { QueuedMessage } from './sqs-event.ts';
import { readWrite, type Write } from './write.ts';

/** A write, and the instance that it is for. */
export type Addressed = { readonly write: Write; readonly client: ServiceNowClient };

/** Nothing was tried: an earlier message of the same group is for another instance. */
class GroupWaitsError extends ConnectorError {
  override readonly name: string = 'GroupWaitsError';
  override readonly code = 'GROUP_WAITS';
  override readonly retryable = true;
}

/**
 * Reads messages and finds their instances. What cannot be used gets its outcome here and touches no other. Of a FIFO group
 * that is for several instances only what comes before the first change is given: instances are written to side by side.
 * @param outcomes takes what became of those that are not given
 */
export function addressAll(
  messages: readonly QueuedMessage[],
  connect: Connections['connect'],
  outcomes: Map<QueuedMessage, Outcome>,
): readonly Addressed[] {
  const clients = new Map<string, ServiceNowClient | 'several'>();
  return messages.flatMap((message) => {
    const addressed = address(message, connect, outcomes);
    const { groupId } = message;
    if (!addressed || groupId === undefined) return addressed ?? [];
    const before = clients.get(groupId) ?? addressed.client;
    clients.set(groupId, before === addressed.client ? before : 'several');
    if (before === addressed.client) return addressed;
    const error = new GroupWaitsError('an earlier message of its group is for another instance');
    outcomes.set(message, { error, tried: false });
    return [];
  });
}

function address(
  message: QueuedMessage,
  connect: Connections['connect'],
  outcomes: Map<QueuedMessage, Outcome>,
): Addressed | undefined {
  try {
    const write = readWrite(message);
    const { instance, client } = connect(write.work.instance);
    if (!allowsTable(instance, write.work.table)) throw new TableNotAllowedError(write.work.table);
    return { write, client };
  } catch (error) {
    outcomes.set(message, { error, tried: true });
    return undefined;
  }
}
