import { recordQueueHandler } from '../lib/runtime.ts';

/**
 * Turns the messages of the records queue into records, each exactly once.
 *
 * Trigger: SQS (standard or FIFO) with `ReportBatchItemFailures`. A message is
 * `{ action?: create | update | upsert | delete, table, record, sysId?, match?, key?, instance?, options? }`, published as
 * JSON Schema in `schemas/record-message.schema.json`; without an action it is a create. Its key is `key`, else the message
 * attribute `IdempotencyKey`, else the message id: a second message with the same key changes nothing.
 *
 * Answers `{ batchItemFailures }` with exactly the ids of the messages that are not finished; they return to the queue for the delay
 * that the instance asked for, or a growing one. A message that can never be written goes to the dead-letter queue at once,
 * with the attributes `ErrorCode`, `ErrorMessage`, `RequestId` and `Attempts`.
 */
export const handler = recordQueueHandler();
