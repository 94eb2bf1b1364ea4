import { startImportHandler } from '../lib/runtime.ts';

/**
 * Schedules an import for every file dropped at `imports/{stagingTable}/[sub/]{name}.csv|.tsv|.jsonl[.gz]`.
 *
 * Triggered by SQS messages that carry S3 event notifications. Answers `{ batchItemFailures }` with the messages that
 * have to be delivered again. The import itself is the durable function importCsv, started under a name made of
 * bucket, key and version: the same object never runs twice.
 */
export const handler = startImportHandler();
