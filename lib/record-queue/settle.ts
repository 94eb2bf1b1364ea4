import type { changeVisibility, EntryFailure, sendMessages } from '../aws/sqs.ts';
import { ConnectorError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { toDeadLetter } from './dead-letter.ts';
import { isOutage } from './failure-kind.ts';
import type { Fate } from './fate.ts';
import type { QueuedMessage } from './sqs-event.ts';

/** The queues of the deployment, and how they are spoken to. */
export type Queues = {
  readonly standard: QueuePair;
  readonly fifo: QueuePair;
  readonly send: typeof sendMessages;
  readonly hide: typeof changeVisibility;
};

/** A queue and where its dead letters go. */
export type QueuePair = { readonly url: string | undefined; readonly deadLetterUrl: string | undefined };

export type Settled = { readonly message: QueuedMessage; readonly fate: Fate };

type Surroundings = {
  readonly queues: Queues;
  readonly log: Log;
  readonly metrics: Metrics;
  /** How long SQS may take for an answer, in milliseconds. */
  readonly timeoutMs: number;
};

/**
 * Tells SQS what became of the messages: buried ones are sent to the dead-letter queue, postponed ones are hidden.
 * @param requestId of the invocation
 * @returns the messages that are not finished, in the order given: the postponed, those that could not be buried, and what
 * comes after them in their FIFO group
 */
export async function settle(
  given: readonly Settled[],
  requestId: string,
  surroundings: Surroundings,
): Promise<readonly QueuedMessage[]> {
  const all = holdBack(given);
  for (const settled of all) tell(settled, surroundings);
  const [unburied] = await Promise.all([bury(all, requestId, surroundings), hide(all, surroundings)]);
  const held = new Set<string | undefined>();
  return all.flatMap(({ message, fate }) => {
    const follows = message.groupId !== undefined && held.has(message.groupId);
    if (fate.kind !== 'postponed' && !unburied.has(message) && !follows) return [];
    held.add(message.groupId);
    return [message];
  });
}

/**
 * What stands in a FIFO group behind a message that comes back comes back too. A message that can never be written is then
 * left for later as well: its letter would be sent anew each time that the group is.
 */
function holdBack(all: readonly Settled[]): readonly Settled[] {
  const held = new Map<string, Fate>();
  return all.map((settled) => {
    const { groupId } = settled.message;
    const before = groupId === undefined ? undefined : held.get(groupId);
    if (before) return settled.fate.kind === 'buried' ? { ...settled, fate: before } : settled;
    if (groupId !== undefined && settled.fate.kind === 'postponed') held.set(groupId, settled.fate);
    return settled;
  });
}

/** A message leaves its queue only once the dead-letter queue has it. */
async function bury(all: readonly Settled[], requestId: string, { queues, log, timeoutMs }: Surroundings) {
  const unburied = new Set<QueuedMessage>();
  await forEachQueue(all, queues, async ({ deadLetterUrl }, members) => {
    const buried = members.flatMap(({ message, fate }) =>
      fate.kind === 'buried' ? [{ message, error: fate.error }] : [],
    );
    const entries = buried.map(({ message, error }) => toDeadLetter(message, error, requestId));
    for (const { index, reason } of await sendTo(deadLetterUrl, entries, queues.send, timeoutMs)) {
      const lost = buried[index]?.message;
      if (lost) unburied.add(lost);
      log.error('dead-letter-refused', { messageId: lost?.messageId, reason });
    }
  });
  return unburied;
}

/** What cannot be hidden comes back after the queue's own visibility timeout. */
async function hide(all: readonly Settled[], { queues, log, timeoutMs }: Surroundings): Promise<void> {
  await forEachQueue(all, queues, async ({ url }, members) => {
    const entries = members.flatMap(({ message, fate }) =>
      fate.kind === 'postponed'
        ? [{ ReceiptHandle: message.receiptHandle, VisibilityTimeout: fate.delaySeconds }]
        : [],
    );
    for (const { reason } of await sendTo(url, entries, queues.hide, timeoutMs))
      log.warn('visibility-unchanged', { reason });
  });
}

async function forEachQueue(
  all: readonly Settled[],
  queues: Queues,
  work: (pair: QueuePair, members: readonly Settled[]) => Promise<void>,
): Promise<void> {
  const kinds = Map.groupBy(all, ({ message }) => message.isFifo);
  await Promise.all([...kinds].map(([fifo, members]) => work(fifo ? queues.fifo : queues.standard, members)));
}

async function sendTo<T>(
  url: string | undefined,
  entries: readonly T[],
  send: (url: string, entries: readonly T[], signal: AbortSignal) => Promise<readonly EntryFailure[]>,
  timeoutMs: number,
): Promise<readonly EntryFailure[]> {
  if (entries.length === 0) return [];
  if (url) return send(url, entries, AbortSignal.timeout(timeoutMs));
  return entries.map((_entry, index) => ({ index, reason: 'the URL of the queue is not configured' }));
}

function tell({ message, fate }: Settled, { log, metrics }: Surroundings): void {
  const { messageId, receiveCount: attempts } = message;
  if (fate.kind === 'done') {
    if (fate.done === 'repeated') metrics.add('Deduplicated');
    log.debug('record-written', { messageId, how: fate.done });
    return;
  }
  const { code, reason } = describe(fate.error);
  if (fate.kind === 'buried') log.error('message-buried', { messageId, attempts, code, reason });
  else log.warn('message-postponed', { messageId, attempts, code, reason, delaySeconds: fate.delaySeconds });
  if (isOutage(fate.error)) metrics.add('Parked');
}

function describe(error: unknown): { readonly code: string; readonly reason: string } {
  if (error instanceof ConnectorError) return { code: error.code, reason: error.message };
  return {
    code: 'INTERNAL',
    reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
