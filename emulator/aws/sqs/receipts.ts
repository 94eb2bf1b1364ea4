import { AwsError } from '../aws-error.ts';
import type { Queue } from './queue-table.ts';
import { invalidParameter } from './sqs-error.ts';
import type { SqsState } from './state.ts';

/**
 * Deletes the message of this receipt. A receipt that a later receive replaced deletes nothing, and is no error.
 * @throws {AwsError} ReceiptHandleIsInvalid; InvalidParameterValue in a FIFO queue after the visibility timeout
 */
export function deleteReceived(state: SqsState, queue: Queue, receipt: string): void {
  const message = state.byReceipt(queue, receipt);
  if (!message) return;
  if (queue.settings.FifoQueue && message.visibleMs <= state.clock.now()) {
    throw invalidParameter('The receipt handle has expired.');
  }
  state.messages.delete(message);
  state.wake(queue.name);
}

/** How long a message may stay out of sight after it was received, in milliseconds. */
const MOST_INVISIBLE_MS = 43_200_000;

/**
 * Sets how long from now the message stays out of sight; 0 gives it back.
 * @throws {AwsError} ReceiptHandleIsInvalid, MessageNotInflight, InvalidParameterValue for more than 12 hours after the receive
 */
export function changeVisibility(state: SqsState, queue: Queue, receipt: string, seconds: number): void {
  const message = state.byReceipt(queue, receipt);
  const nowMs = state.clock.now();
  if (!message)
    throw invalidParameter('Message does not exist or is not available for visibility timeout change.');
  if (message.visibleMs <= nowMs) {
    throw new AwsError('MessageNotInflight', 'The specified message is not in flight.');
  }
  const visibleMs = nowMs + seconds * 1000;
  if (visibleMs > (message.receivedMs ?? nowMs) + MOST_INVISIBLE_MS) {
    throw invalidParameter('Total VisibilityTimeout for the message is beyond the limit [43200 seconds].');
  }
  state.messages.setVisible(message, visibleMs);
  state.wake(queue.name);
}
