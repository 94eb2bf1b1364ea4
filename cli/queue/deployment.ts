import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import type { RecordsQueues } from './found-queues.ts';

/** A deployment by the name of its CloudFormation stack, e.g. `servicenow-functions-prod`. */
export type DeploymentName = { readonly stackName: string; readonly region?: string | undefined };

/**
 * The queues, the import bucket and the state table of a deployment, as the outputs of its stack name them; what its switches leave out is
 * left out. The AWS SDK of this process then uses the region that is given.
 * @throws Error where there is no such stack, or one without these outputs
 */
export async function findDeployment({ stackName, region }: DeploymentName): Promise<RecordsQueues> {
  if (region !== undefined) process.env['AWS_REGION'] = region;
  const { Outputs = [], StackStatus = 'unknown' } = await readStack(stackName);
  const outputs = new Map(Outputs.map(({ OutputKey = '', OutputValue }) => [OutputKey, OutputValue]));
  const queueUrl = outputs.get('RecordsQueueUrl');
  if (queueUrl === undefined)
    throw new Error(
      `${stackName}: this stack (${StackStatus}) has no output RecordsQueueUrl; is it one of servicenow-functions?`,
    );
  const queue = (name: string, output: string) => ({ name, url: outputs.get(output) ?? '' });
  const letters = (output: string, source: string) => {
    const url = outputs.get(output) ?? '';
    return { name: url.slice(url.lastIndexOf('/') + 1), url, queueUrl: outputs.get(source) ?? '' };
  };
  return {
    queueUrl,
    deadLetterQueues: [
      letters('RecordsDeadLetterQueueUrl', 'RecordsQueueUrl'),
      letters('RecordsFifoDeadLetterQueueUrl', 'RecordsFifoQueueUrl'),
      letters('EventsDeadLetterQueueUrl', 'EventsQueueUrl'),
      letters('ImportDeadLetterQueueUrl', 'ImportQueueUrl'),
      // A person has to look at each of these.
      letters('CallDeadLetterQueueUrl', ''),
    ].filter(isThere),
    stateTable: outputs.get('StateTableName'),
    importBucket: outputs.get('ImportBucketName') ?? false,
    others: [
      queue('FIFO records', 'RecordsFifoQueueUrl'),
      queue('events', 'EventsQueueUrl'),
      queue('dropped files', 'ImportQueueUrl'),
    ].filter(isThere),
    place: 'AWS',
    stack: { name: stackName, state: StackStatus },
  };
}

function isThere({ url }: { readonly url: string }): boolean {
  return url !== '';
}

/** @throws Error where there is none */
async function readStack(StackName: string): Promise<Stack> {
  const cloudFormation = new CloudFormationClient({ maxAttempts: 3 });
  try {
    const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    if (stack === undefined) throw new Error(missing(StackName));
    return stack;
  } catch (error) {
    const isMissing = error instanceof Error && /does not exist/.test(error.message);
    throw isMissing ? new Error(missing(StackName), { cause: error }) : error;
  } finally {
    cloudFormation.destroy();
  }
}

function missing(stackName: string): string {
  return `${stackName}: there is no such stack in this account and region`;
}
