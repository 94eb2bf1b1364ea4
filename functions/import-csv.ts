import { type DurableContext, withDurableExecution } from '@aws/durable-execution-sdk-js';
import { createConnections } from '../lib/aws/connections.ts';
import { createLambdaClient, startDurableExecution } from '../lib/aws/lambda.ts';
import { createS3Client } from '../lib/aws/s3.ts';
import { createTelemetry } from '../lib/aws/telemetry.ts';
import { systemClock as clock } from '../lib/core/clock.ts';
import { readConfig, requireSetting } from '../lib/core/config.ts';
import { deadlineAt } from '../lib/core/deadline.ts';
import { favourSpeed } from '../lib/file-import/heap.ts';
import { clientsOf } from '../lib/file-import/import-scope.ts';
import { importInputSchema } from '../lib/file-import/import-state.ts';
import { importSteps } from '../lib/file-import/import-steps.ts';
import { lambdaDurable } from '../lib/file-import/lambda-durable.ts';
import { runImport } from '../lib/file-import/run-import.ts';
import { executionName } from '../lib/file-import/schedule/import-request.ts';
import { createTurns } from '../lib/file-import/schedule/turns.ts';

favourSpeed();
const config = readConfig();
const telemetry = createTelemetry(config);
const clientFor = clientsOf(createConnections({ config, ...telemetry }).connect);
const s3 = createS3Client();
const lambda = createLambdaClient();
const functionArn = requireSetting('IMPORT_FUNCTION_ARN', config.importFunctionArn);

/**
 * Imports one dropped file: its rows go to the staging table, and every line comes back with a verdict.
 *
 * A durable function, started by startImport with `{ request }` (see `importRequestSchema`), and by itself with
 * `{ request, resume }` when a file needs more than one execution. Answers the summary that it also stores as
 * `summary.json` below `results/{stagingTable}/{name}/{started}/`, beside `results.csv`, `rejected.csv` and `report.html`.
 */
export const handler = withDurableExecution(async (event: unknown, context: DurableContext) => {
  const input = importInputSchema.parse(event);
  const { log, metrics } = telemetry;
  const endMs = clock.now() + context.lambdaContext.getRemainingTimeInMillis();
  const scope = {
    s3,
    clientFor,
    clock,
    log,
    deadline: deadlineAt(endMs, clock),
    correlationId: executionName(input.request),
  };
  const turns = createTurns({ s3, clock, maxConcurrent: config.maxConcurrentImports });
  const steps = importSteps(scope, turns, async (name, next) => {
    await startDurableExecution(lambda, { functionArn, name, input: next });
  });
  try {
    return await runImport(lambdaDurable(context, log), steps, input);
  } finally {
    metrics.flush();
  }
});
