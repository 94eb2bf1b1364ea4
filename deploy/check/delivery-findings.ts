import type { EventSourceMapping } from '../../emulator/aws/template/resources.ts';
import type { StackResources } from '../../emulator/aws/template/stack-resources.ts';
import type { Finding } from './finding.ts';

/** Whether messages reach their function as promised: in time, one by one, and never lost. */
export function deliveryFindings(stack: StackResources): Finding[] {
  return stack.eventSourceMappings.flatMap((mapping) => [
    ...impatient(stack, mapping),
    ...endless(stack, mapping),
    ...allOrNothing(mapping),
  ]);
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
function impatient({ functions, queues }: StackResources, mapping: EventSourceMapping): Finding[] {
  const { queueArn, functionArn, batchingWindowSeconds } = mapping;
  const queue = queues.find(({ arn }) => arn === queueArn);
  const timeoutSeconds = functions.find(({ arn }) => arn === functionArn)?.timeoutSeconds ?? 0;
  const visibilitySeconds = Number(queue?.attributes['VisibilityTimeout'] ?? 30);
  const neededSeconds = 6 * timeoutSeconds + batchingWindowSeconds;
  if (visibilitySeconds >= neededSeconds) return [];
  const message = `visibility timeout ${visibilitySeconds} s is below ${neededSeconds} s: six times the function's timeout and the batching window`;
  return [{ rule: 'visibility-timeout', where: queueArn, message }];
}

function endless({ queues }: StackResources, { queueArn }: EventSourceMapping): Finding[] {
  const queue = queues.find(({ arn }) => arn === queueArn);
  if (queue?.attributes['RedrivePolicy'] !== undefined) return [];
  const message = 'has no dead-letter queue: a message that cannot be handled comes back until it is deleted';
  return [{ rule: 'dead-letter-queue', where: queueArn, message }];
}

function allOrNothing({ queueArn, reportBatchItemFailures }: EventSourceMapping): Finding[] {
  if (reportBatchItemFailures) return [];
  const message = 'without ReportBatchItemFailures one bad message brings its whole batch back';
  return [{ rule: 'batch-item-failures', where: queueArn, message }];
}
