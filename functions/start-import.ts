import type { SQSBatchResponse } from 'aws-lambda';
import { createLambdaClient } from '../lib/aws/lambda.ts';
import { createS3Client } from '../lib/aws/s3.ts';
import { createTelemetry } from '../lib/aws/telemetry.ts';
import { systemClock as clock } from '../lib/core/clock.ts';
import { readConfig, requireSetting } from '../lib/core/config.ts';
import { startImports } from '../lib/file-import/start-imports.ts';

const config = readConfig();
const { log, metrics } = createTelemetry(config);
const tools = {
  s3: createS3Client(),
  lambda: createLambdaClient(),
  clock,
  log,
  importFunctionArn: requireSetting('IMPORT_FUNCTION_ARN', config.importFunctionArn),
};

/**
 * Starts an import for every file dropped at `imports/{stagingTable}/[sub/]{name}.csv|.tsv|.jsonl[.gz]`.
 *
 * Triggered by SQS messages that carry S3 event notifications. Answers `{ batchItemFailures }` with the messages that
 * are to come again. The import itself is the durable function importCsv, started under a name that is made of
 * bucket, key and version: the same object never runs twice.
 */
export async function handler(event: unknown): Promise<SQSBatchResponse> {
  const again = await startImports(tools, event);
  metrics.flush();
  return { batchItemFailures: again.map((itemIdentifier) => ({ itemIdentifier })) };
}
