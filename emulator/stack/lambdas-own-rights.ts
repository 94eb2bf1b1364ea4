import { AwsError } from '../aws/aws-error.ts';
import type { AccessControl } from '../aws/iam/access-control.ts';
import type { StackResources } from '../aws/template/stack-resources.ts';

/** What Lambda does with a function’s role to feed it from a queue. */
const pollerActions = ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'];

/**
 * Refuses a template as Lambda does when it makes event source mappings and functions: Lambda itself reads a queue, and keeps calls
 * that failed, with the role of the function.
 * @throws {AwsError} InvalidParameterValueException
 */
export function requireLambdasOwnRights(
  { functions, eventSourceMappings }: Pick<StackResources, 'functions' | 'eventSourceMappings'>,
  access: AccessControl,
): void {
  const require = (functionName: string, name: string, resource: string) => {
    if (access.allows(functionName, { action: `sqs:${name}`, resource })) return;
    const message = `The execution role of ${functionName} does not have permissions to call ${name} on SQS (${resource})`;
    throw new AwsError('InvalidParameterValueException', message);
  };
  for (const { functionArn, queueArn } of eventSourceMappings) {
    const { functionName = functionArn } = functions.find(({ arn }) => arn === functionArn) ?? {};
    for (const name of pollerActions) require(functionName, name, queueArn);
  }
  for (const { functionName, deadLetterArn } of functions)
    if (deadLetterArn !== undefined) require(functionName, 'SendMessage', deadLetterArn);
}
