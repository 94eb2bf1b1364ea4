import { type changeVisibility, type EntryFailure, sendInOrder, type sendMessages } from '../aws/sqs.ts';
import { StateRefusedError } from '../aws/state-calls.ts';
import type { StateTable } from '../aws/state-table.ts';
import { type Clock, type Deadline, deadlineAt } from '../core/clock.ts';
import { ConnectorError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Outcome, Outcomes } from '../outcomes/outcomes.ts';
import { rememberReason, toDeadLetter } from './dead-letter.ts';
import { type Disposition, outageIn } from './disposition.ts';
import { keyAttribute } from './message.ts';
import type { QueuedMessage } from './sqs-event.ts';

/** The queues of the deployment, and how they are called. */
export type Queues = {
  readonly standard: QueuePair;
  readonly fifo: QueuePair;
  /** What outcomes call the queue. @default standard or fifo */
  readonly reportedAs?: 'events';
  readonly send: typeof sendMessages;
  readonly hide: typeof changeVisibility;
};

/** A queue and where its dead letters go. */
type QueuePair = { readonly url: string | undefined; readonly deadLetterUrl: string | undefined };

/** A message and what happens to it. */
export type Disposed = { readonly message: QueuedMessage; readonly disposition: Disposition };

type AcknowledgeDeps = {
  readonly queues: Queues;
  readonly stateTable: () => StateTable;
  readonly deployment: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly outcomes?: Pick<Outcomes, 'report'> | undefined;
  /** How long SQS may take to answer, in milliseconds. */
  readonly timeoutMs: number;
};

/**
 * Reports the dispositions of messages to SQS: dead letters are sent, deferred messages are hidden.
 * @param requestId of the invocation
 * @returns the messages that are not finished, in the order given: the deferred, those whose dead letter was not accepted, and
 * what comes after them in their FIFO group
 */
export async function acknowledge(
  given: readonly Disposed[],
  requestId: string,
  { timeoutMs, ...deps }: AcknowledgeDeps,
): Promise<readonly QueuedMessage[]> {
  const all = holdBack(given);
  for (const disposed of all) report(disposed, deps);
  const signal = AbortSignal.timeout(timeoutMs);
  const deferred = all.flatMap(({ message, disposition }) =>
    disposition.kind === 'deferred' ? [{ message, delaySeconds: disposition.delaySeconds }] : [],
  );
  const deadline = deadlineAt(deps.clock.now() + timeoutMs, deps.clock);
  const [unsent] = await Promise.all([
    sendDeadLetters(all, requestId, { ...deps, signal, deadline }),
    hide(deferred, deps, signal),
  ]);
  const returned = returning(all, unsent);
  const others = returned.filter(({ message }) => !deferred.some((one) => one.message === message));
  await hide(others, deps, signal);
  return returned.map(({ message }) => message);
}

/** A message that returns to its queue, and when. */
type Returned = { readonly message: QueuedMessage; readonly delaySeconds: number };

/** What follows in a FIFO group returns as soon as the first that does, or the group would stand still for longer. */
function returning(all: readonly Disposed[], unsent: ReadonlySet<QueuedMessage>): readonly Returned[] {
  const held = new Map<string, number>();
  return all.flatMap(({ message, disposition }) => {
    const { groupId } = message;
    const before = groupId === undefined ? undefined : held.get(groupId);
    const isOver =
      disposition.kind === 'done' || (disposition.kind === 'dead-lettered' && !unsent.has(message));
    if (isOver && before === undefined) return [];
    const delaySeconds = isOver ? (before ?? 0) : disposition.delaySeconds;
    if (groupId !== undefined && before === undefined) held.set(groupId, delaySeconds);
    return [{ message, delaySeconds }];
  });
}

/**
 * If a message returns to the queue, everything behind it in its FIFO group returns as well. A message that can never be
 * written is then left for later too: its dead letter would be sent again each time that the group is.
 */
function holdBack(all: readonly Disposed[]): readonly Disposed[] {
  const held = new Map<string, Disposition>();
  return all.map((disposed) => {
    const { groupId } = disposed.message;
    const before = groupId === undefined ? undefined : held.get(groupId);
    if (before)
      return disposed.disposition.kind === 'dead-lettered' ? { ...disposed, disposition: before } : disposed;
    if (groupId !== undefined && disposed.disposition.kind === 'deferred')
      held.set(groupId, disposed.disposition);
    return disposed;
  });
}

type LetterDeps = Omit<AcknowledgeDeps, 'timeoutMs'> & {
  readonly signal: AbortSignal;
  readonly deadline: Deadline;
};

/** A message leaves its queue only once the dead-letter queue has it. */
async function sendDeadLetters(all: readonly Disposed[], requestId: string, deps: LetterDeps) {
  const { queues, log, outcomes, signal } = deps;
  const unsent = new Set<QueuedMessage>();
  await forEachQueue(all, queues, async ({ deadLetterUrl }, members) => {
    const letters = members.flatMap(({ message, disposition }) =>
      disposition.kind === 'dead-lettered'
        ? [{ message, entry: toDeadLetter(message, disposition.error, requestId), error: disposition.error }]
        : [],
    );
    const ready = await rememberAll(letters, requestId, deps);
    for (const letter of letters) if (!ready.includes(letter)) unsent.add(letter.message);
    const entries = ready.map(({ entry }) => entry);
    const inOrder: typeof sendMessages = (...call) => sendInOrder(queues.send, ...call);
    for (const { index, reason } of await sendTo(deadLetterUrl, entries, inOrder, signal)) {
      const lost = ready[index]?.message;
      if (lost) unsent.add(lost);
      log.error('dead-letter-refused', { messageId: lost?.messageId, reason });
    }
    for (const { message, error } of ready)
      if (!unsent.has(message)) outcomes?.report(deadLetterOf(message, error, requestId, queues.reportedAs));
  });
  return unsent;
}

/** @returns the letters that can be sent: behind one of its FIFO group that cannot, none is */
async function rememberAll(
  letters: readonly Letter[],
  requestId: string,
  deps: LetterDeps,
): Promise<readonly Letter[]> {
  const remembered = await Promise.all(letters.map((letter) => remember(letter, requestId, deps)));
  const held = new Set<string>();
  return letters.filter(({ message: { groupId } }, index) => {
    if (remembered[index] !== true && groupId !== undefined) held.add(groupId);
    return remembered[index] === true && (groupId === undefined || !held.has(groupId));
  });
}

function deadLetterOf(
  message: QueuedMessage,
  error: unknown,
  requestId: string,
  reportedAs: Queues['reportedAs'],
): Outcome {
  const { messageId, isFifo, receiveCount: attempts, attributes } = message;
  const key = attributes[keyAttribute];
  return {
    type: 'Message Dead-Lettered',
    queue: reportedAs ?? (isFifo ? 'fifo' : 'standard'),
    messageId,
    ...(key && 'text' in key && { key: key.text }),
    code: describe(error).code,
    attempts,
    requestId,
  };
}

type Letter = {
  readonly message: QueuedMessage;
  readonly entry: ReturnType<typeof toDeadLetter>;
  readonly error: unknown;
};

/** @returns false when what the letter has no room for could not be remembered: then it is not sent */
async function remember(
  { message, entry, error }: Letter,
  requestId: string,
  deps: LetterDeps,
): Promise<boolean> {
  try {
    await rememberReason({ message, error, requestId }, entry, deps);
    return true;
  } catch (cause) {
    const reason = cause instanceof ConnectorError ? cause.message : 'unknown';
    deps.log.error('dead-letter-refused', { messageId: message.messageId, reason });
    // It will never be taken: a letter that says less is better than none.
    return cause instanceof StateRefusedError;
  }
}

/** What cannot be hidden returns after the queue's own visibility timeout. */
async function hide(
  returned: readonly Returned[],
  { queues, log }: Pick<AcknowledgeDeps, 'queues' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  await forEachQueue(returned, queues, async ({ url }, members) => {
    const entries = members.map(({ message, delaySeconds }) => ({
      ReceiptHandle: message.receiptHandle,
      VisibilityTimeout: delaySeconds,
    }));
    for (const { reason } of await sendTo(url, entries, queues.hide, signal))
      log.warn('visibility-unchanged', { reason });
  });
}

async function forEachQueue<T extends { readonly message: QueuedMessage }>(
  all: readonly T[],
  queues: Queues,
  work: (pair: QueuePair, members: readonly T[]) => Promise<void>,
): Promise<void> {
  const kinds = Map.groupBy(all, ({ message }) => message.isFifo);
  await Promise.all([...kinds].map(([fifo, members]) => work(fifo ? queues.fifo : queues.standard, members)));
}

async function sendTo<T>(
  url: string | undefined,
  entries: readonly T[],
  send: (url: string, entries: readonly T[], signal: AbortSignal) => Promise<readonly EntryFailure[]>,
  signal: AbortSignal,
): Promise<readonly EntryFailure[]> {
  if (entries.length === 0) return [];
  if (url) return send(url, entries, signal);
  return entries.map((_entry, index) => ({ index, reason: 'the URL of the queue is not configured' }));
}

function report(
  { message, disposition }: Disposed,
  { log, metrics }: Pick<AcknowledgeDeps, 'log' | 'metrics'>,
): void {
  const { messageId, receiveCount: attempts, sender: caller } = message;
  if (disposition.kind === 'done') {
    if (disposition.done === 'duplicate') metrics.add('Deduplicated');
    log.debug('record-written', { messageId, caller, how: disposition.done });
    return;
  }
  const { kind, error } = disposition;
  const { code, reason } = describe(error);
  if (kind === 'dead-lettered')
    log.error('message-dead-lettered', { messageId, caller, attempts, code, reason });
  else
    log.warn('message-deferred', {
      messageId,
      caller,
      attempts,
      code,
      reason,
      delaySeconds: disposition.delaySeconds,
    });
  if (!outageIn(error)) return;
  metrics.add('DeferredByOutage');
  // The old name, for one release.
  metrics.add('Parked');
}

function describe(error: unknown): { readonly code: string; readonly reason: string } {
  if (error instanceof ConnectorError) return { code: error.code, reason: error.message };
  return {
    code: 'INTERNAL',
    reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
