import { startImportHandler } from '../lib/runtime.ts';

/**
 * Starts an import for every file dropped at `imports/{stagingTable}/[sub/]{name}.csv|.tsv|.jsonl[.gz]`.
 *
 * Triggered by SQS messages that carry S3 event notifications. Answers `{ batchItemFailures }` with the messages that
 * are to come again. The import itself is the durable function importCsv, started under a name that is made of
 * bucket, key and version: the same object never runs twice.
 */
export const handler = startImportHandler();
