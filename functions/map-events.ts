import { eventsHandler } from '../lib/runtime.ts';

/**
 * Turns events into signals on the FIFO records queue, by the mapping files of the deployment (docs/events.md).
 *
 * Trigger: SQS (the events queue) with `ReportBatchItemFailures`. The body of a message is an event as EventBridge sends it, bare or by
 * an input transformer, in the envelope of SNS or raw, or a list of events from a pipe.
 *
 * Environment: `RECORDS_FIFO_QUEUE_URL`, where signals go; `EVENTS_QUEUE_URL` and `EVENTS_DLQ_URL`; `STATE_TABLE`.
 *
 * Answers `{ batchItemFailures }` with exactly the ids of the messages that come again, because a signal could not be queued. An event
 * that cannot be mapped goes to the dead-letter queue at once, with the attributes `ErrorCode`, `ErrorMessage`, `RequestId` and
 * `Attempts`.
 */
export const handler = eventsHandler();
