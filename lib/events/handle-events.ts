import { digestOf } from '../aws/digest.ts';
import { sendInOrder, type sendMessages } from '../aws/sqs.ts';
import type { StateTable } from '../aws/state-table.ts';
import type { Clock } from '../core/clock.ts';
import type { RecordsConfig } from '../core/config.ts';
import { ConnectorError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { groupNameOf, readSignal, type Signal } from '../operations/signal.ts';
import { acknowledge, type Queues } from '../record-queue/acknowledge.ts';
import { disposeOf, type WriteResult } from '../record-queue/disposition.ts';
import { keyIn } from '../record-queue/message.ts';
import {
  type BatchResponse,
  type Invocation,
  type QueuedMessage,
  readSqsEvent,
} from '../record-queue/sqs-event.ts';
import { type Arrival, type ReceivedEvent, readEvents } from './intake.ts';
import type { EventMapper } from './map-event.ts';

/** What the function needs from outside. */
export type EventsDeps = {
  readonly mapper: EventMapper;
  /** The FIFO records queue, where signals go. */
  readonly signalsQueueUrl: string;
  readonly send: typeof sendMessages;
  /** The events queue itself: for messages that come again, and for dead letters. */
  readonly queues: Queues;
  readonly settings: RecordsConfig;
  readonly deployment: string;
  readonly stateTable: () => StateTable;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** An event, or some of its elements, cannot be mapped. */
class MappingFailedError extends ConnectorError {
  override readonly name: string = 'MappingFailedError';
  override readonly code: string;

  /** @param more how many other elements of the event cannot be mapped either */
  constructor(file: string, cause: ConnectorError, more: number) {
    super(`${file}: ${cause.message}${more > 0 ? `, and ${more} more elements` : ''}`, { cause });
    this.code = cause.code;
  }
}

/** A signal could not be put on the queue; the message comes again. */
class NotQueuedError extends ConnectorError {
  override readonly name: string = 'NotQueuedError';
  override readonly code = 'SIGNAL_NOT_QUEUED';
  override readonly retryable = true;
}

/**
 * Makes the handler of `map-events`: events in, signals out to the FIFO records queue. A message that cannot be mapped goes to
 * the dead-letter queue with the reason; what of it can be mapped is sent all the same.
 */
export function createEventsHandler(deps: EventsDeps) {
  return async (event: unknown, invocation: Invocation): Promise<BatchResponse> => {
    const messages = readSqsEvent(event, deps.clock.now());
    const results = new Map<QueuedMessage, WriteResult>();
    const mapped = await Promise.all(messages.map((message) => mapMessage(message, deps)));
    const lost = await sendAll(
      mapped.flatMap(({ message, signals }) => signals.map((signal) => ({ message, signal }))),
      deps,
    );
    for (const { message, signals, error } of mapped) {
      if (lost.has(message))
        results.set(message, { error: new NotQueuedError('SQS did not take a signal'), tried: true });
      else if (error !== undefined) results.set(message, { error, tried: true });
      else results.set(message, { done: signals.length > 0 ? 'done' : 'ignored' });
    }
    const { settings, clock, random } = deps;
    const disposed = messages.map((message) => {
      const result = results.get(message) ?? { error: new Error('no result'), tried: false };
      return { message, disposition: disposeOf(message, result, settings, clock.now(), random) };
    });
    const timeoutMs = Math.max(0, invocation.getRemainingTimeInMillis() - 500);
    const unfinished = await acknowledge(disposed, invocation.awsRequestId, { ...deps, timeoutMs });
    return { batchItemFailures: unfinished.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

type MappedMessage = {
  readonly message: QueuedMessage;
  readonly signals: readonly Signal[];
  readonly error: unknown;
};

/** Never throws: what cannot be mapped is reported with the message, and what can be is sent all the same. */
async function mapMessage(message: QueuedMessage, deps: EventsDeps): Promise<MappedMessage> {
  const signals: Signal[] = [];
  const errors: unknown[] = [];
  try {
    for (const received of readEvents(message.body, arrivalOf(message))) {
      const mapped = await mapEvent(received, message, deps).catch((error) => ({
        signals: [],
        errors: [error],
      }));
      signals.push(...mapped.signals);
      errors.push(...mapped.errors);
    }
  } catch (error) {
    errors.push(error);
  }
  return { message, signals, error: errors[0] };
}

/** A message that was moved back from the dead-letter queue has another id, and says in an attribute which it had. */
function arrivalOf(message: QueuedMessage): Arrival {
  return { messageId: keyIn(message) ?? message.messageId, atMs: message.sentAtMs };
}

type MappedSignals = { readonly signals: readonly Signal[]; readonly errors: readonly unknown[] };

/** An event that is a signal already, e.g. by an input transformer, needs no mapping file. */
async function mapEvent(
  { event, arrival }: ReceivedEvent,
  { messageId }: QueuedMessage,
  { mapper, log }: EventsDeps,
): Promise<MappedSignals> {
  if ('action' in event && event.action === 'signal') return { signals: [readSignal(event)], errors: [] };
  const { mapping, elements } = await mapper.map(event, arrival);
  const failed = elements.flatMap((one) => ('error' in one ? [one.error] : []));
  const foreseen = failed.filter((error) => error instanceof ConnectorError);
  const unforeseen = failed.filter((error) => !(error instanceof ConnectorError));
  const signals = elements.flatMap((one) => ('signal' in one ? [one.signal] : []));
  const counts = { signals: signals.length, ignored: elements.length - signals.length - failed.length };
  const reasons = new Set(elements.flatMap((one) => ('ignored' in one ? [one.ignored] : [])));
  const why = reasons.size > 0 && { ignoredBecause: [...reasons].slice(0, 3).join(', ') };
  log.info('event-mapped', { messageId, file: mapping.file, source: mapping.source, ...counts, ...why });
  const [first, ...more] = foreseen;
  return {
    signals,
    errors: [...unforeseen, ...(first ? [new MappingFailedError(mapping.file, first, more.length)] : [])],
  };
}

type Outgoing = { readonly message: QueuedMessage; readonly signal: Signal };

/**
 * Puts signals on the queue, those of one thing in the order of their time.
 * @returns the messages of signals that the queue did not take
 */
async function sendAll(
  outgoing: readonly Outgoing[],
  { send, signalsQueueUrl }: EventsDeps,
): Promise<ReadonlySet<QueuedMessage>> {
  const inTime = outgoing.toSorted((a, b) => Date.parse(a.signal.at) - Date.parse(b.signal.at));
  const entries = inTime.map(({ signal }) => toEntry(signal));
  const failures = await sendInOrder(send, signalsQueueUrl, entries);
  return new Set(failures.flatMap(({ index }) => inTime[index]?.message ?? []));
}

/** A signal as a message of the FIFO records queue: in order with those of its thing, and once within five minutes. */
export function toEntry(signal: Signal) {
  const body = JSON.stringify({ ...signal, action: 'signal' });
  return {
    MessageBody: body,
    MessageGroupId: digestOf(groupNameOf(signal)),
    MessageDeduplicationId: digestOf(JSON.stringify([body, 'signal'])),
  };
}
