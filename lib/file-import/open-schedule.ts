import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import { startDurableExecution } from '../aws/lambda.ts';
import { sendMessages } from '../aws/sqs.ts';
import { createStateTable } from '../aws/state-table.ts';
import type { Clock } from '../core/clock.ts';
import { type Config, requireSetting } from '../core/config.ts';
import type { Log } from '../core/log.ts';
import type { Outcomes } from '../outcomes/outcomes.ts';
import { noteLostImport } from './receive-drops.ts';
import { RetryLaterError } from './retry-later-error.ts';
import { earlierDrops } from './schedule/import-bucket.ts';
import { executionName } from './schedule/import-request.ts';
import { createSchedule, type Schedule, wakeUpMessage } from './schedule/schedule.ts';
import type { ImportInput } from './state.ts';

type Deps = {
  readonly config: Config;
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly outcomes?: Outcomes;
};

/**
 * The deployment's schedule of imports.
 * @throws ConfigurationError when STATE_TABLE, IMPORT_QUEUE_URL or IMPORT_FUNCTION_ARN is not set
 */
export function openSchedule({ config, s3, lambda, clock, random, log, outcomes }: Deps): Schedule {
  const functionArn = requireSetting('IMPORT_FUNCTION_ARN', config.importFunctionArn);
  const queueUrl = requireSetting('IMPORT_QUEUE_URL', config.importQueueUrl);
  return createSchedule({
    table: createStateTable(requireSetting('STATE_TABLE', config.stateTable), clock, random),
    clock,
    log,
    maxConcurrent: config.maxConcurrentImports,
    async start(request) {
      const input: ImportInput = { request };
      await startDurableExecution(lambda, { functionArn, name: executionName(request), input });
    },
    async wake(delaySeconds) {
      const message = { MessageBody: wakeUpMessage, DelaySeconds: delaySeconds };
      const [failure] = await sendMessages(queueUrl, [message]);
      if (failure) throw new RetryLaterError(`the wake-up message was not sent: ${failure.reason}`, 5);
    },
    noteLost: (request) => noteLostImport({ s3, clock, log, ...(outcomes && { outcomes }) }, request),
    earlierDrops: (request, sinceMs) => earlierDrops(s3, request, sinceMs),
  });
}
