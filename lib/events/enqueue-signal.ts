import { randomUUID } from 'node:crypto';
import type { sendMessage } from '../aws/sqs.ts';
import { ConnectorError } from '../core/errors.ts';
import type { Signal } from '../operations/signal.ts';
import { takesAttributes, withOrigin } from '../record-queue/dead-letter.ts';
import { toEntry } from './handle-events.ts';

/** The records queue did not take a signal. */
class QueueUnavailableError extends ConnectorError {
  override readonly name: string = 'QueueUnavailableError';
  override readonly code = 'QUEUE_UNAVAILABLE';
  override readonly retryable = true;
  override readonly ownAnswer = { status: 503, title: 'The signal could not be queued' };
}

/** No queue takes a signal of this size. */
class SignalTooLargeError extends ConnectorError {
  override readonly name: string = 'SignalTooLargeError';
  override readonly code = 'SIGNAL_TOO_LARGE';
  override readonly ownAnswer = { status: 413, title: 'Request too large' };
}

/** How long SQS may take for one signal. */
const signalTimeoutMs = 10_000;

/**
 * Puts signals on the FIFO records queue, each as a message of its own: one that is sent again after it has failed is not dropped. Its
 * event id keeps it from a second effect.
 */
export function createEnqueueSignal(queueUrl: string, send: typeof sendMessage) {
  return async (signal: Signal, caller: string | undefined): Promise<string> => {
    const { MessageBody, MessageGroupId } = toEntry(signal);
    if (!takesAttributes(MessageBody, {}))
      throw new SignalTooLargeError('body: a signal may have 1 MiB, as it travels by SQS');
    const MessageAttributes = withOrigin(MessageBody, {}, { sender: caller });
    const entry = { MessageBody, MessageGroupId, MessageAttributes, MessageDeduplicationId: randomUUID() };
    try {
      return await send(queueUrl, entry, AbortSignal.timeout(signalTimeoutMs));
    } catch (cause) {
      throw new QueueUnavailableError('the signal could not be sent to the records queue; send it again', {
        cause,
      });
    }
  };
}
