import { DurableExecutionAlreadyStartedException, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';

/** A client whose region and endpoint come from the environment, as the SDK reads them. */
export function createLambdaClient(): LambdaClient {
  return new LambdaClient({});
}

/** What to start: a qualified function ARN, as durable functions need one, and the execution's name. */
export type ExecutionStart = { readonly functionArn: string; readonly name: string; readonly input: unknown };

/**
 * Starts a durable execution without waiting for it. A name that was used before starts nothing: Lambda answers with
 * the execution that is there, or says that its input differs.
 * @returns false when the name was taken with another input
 */
export async function startDurableExecution(lambda: LambdaClient, start: ExecutionStart): Promise<boolean> {
  const command = new InvokeCommand({
    FunctionName: start.functionArn,
    InvocationType: 'Event',
    DurableExecutionName: start.name,
    Payload: Buffer.from(JSON.stringify(start.input)),
  });
  try {
    await lambda.send(command);
    return true;
  } catch (error) {
    if (error instanceof DurableExecutionAlreadyStartedException) return false;
    throw error;
  }
}
