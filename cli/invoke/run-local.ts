import { InvokeCommand, LambdaClient, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import { UsageError } from '../command-line.ts';
import { requireRunningStack, useLocalStack } from '../local-aws.ts';
import { readJson } from '../read-text.ts';

/**
 * Calls a function of a running local stack and prints its answer. Sets the exit code 1 when it failed.
 * @throws UsageError for a function that does not exist
 */
export async function runInvokeLocal(
  key: string,
  eventFile: string,
  stack: string | undefined,
): Promise<void> {
  const event = await readJson(eventFile);
  useLocalStack(requireRunningStack(stack));
  const lambda = new LambdaClient({ maxAttempts: 1 });
  const command = new InvokeCommand({
    FunctionName: `servicenow-functions-dev-${key}`,
    Payload: JSON.stringify(event),
  });
  const answer = await lambda.send(command).catch((cause: unknown) => {
    throw cause instanceof ResourceNotFoundException ? new UsageError(`${key} is not a function`) : cause;
  });
  lambda.destroy();
  const payload: unknown = JSON.parse(answer.Payload?.transformToString() || 'null');
  process.stdout.write(`${JSON.stringify(payload, null, 2)}\n`);
  if (answer.FunctionError !== undefined) process.exitCode = 1;
}
